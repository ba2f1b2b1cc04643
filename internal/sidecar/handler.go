package sidecar

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/intake"
	"github.com/braincreators/tryon-operator/internal/sidecar/metrics"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
)

// writeSlack is what a slow reader gets on top of a request's own time.
const writeSlack = 30 * time.Second

// Handler serves the Shopper API and the inference protocol.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1/tryon":
			s.answer(w, r, metrics.RouteTryOn, http.MethodPost, s.tryOn)
		case r.URL.Path == "/v1/model":
			s.answer(w, r, metrics.RouteModel, http.MethodGet, s.describe)
		case r.URL.Path == "/v2" || strings.HasPrefix(r.URL.Path, "/v2/"):
			s.answer(w, r, inferRoute(r), "", s.passThrough)
		default:
			s.answer(w, r, metrics.RouteOther, "", func(http.ResponseWriter, *http.Request) error {
				return problem.New(problem.CodeNotFound, "The path is %.80q.", r.URL.Path)
			})
		}
	})
}

// inferRoute keeps copies of requests that shoppers have got answered elsewhere apart from what somebody waits for.
func inferRoute(r *http.Request) string {
	if r.Header.Get(route.HeaderShadow) != "" {
		return metrics.RouteShadow
	}
	return metrics.RouteInfer
}

// answer is the frame of every request: counted, bounded in time, and ended by a problem document when it fails.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, route, method string, handle func(http.ResponseWriter, *http.Request) error) {
	start := time.Now()
	out := &onceWriter{ResponseWriter: w}
	err := s.guarded(func() error {
		control := http.NewResponseController(w)
		// For what is refused before its body was read: the server reads on in it before it answers.
		_ = control.SetReadDeadline(start.Add(s.options.BodyTimeout))
		_ = control.SetWriteDeadline(start.Add(s.options.BodyTimeout + s.options.RequestTimeout + writeSlack))
		if s.activity.Phase() != intake.Serving {
			// Keep-alive clients move to another pod with their next request.
			w.Header().Set("Connection", "close")
		}
		if method != "" && r.Method != method {
			w.Header().Set("Allow", method)
			return problem.New(problem.CodeMethodNotAllowed, "The method is %.20q.", r.Method)
		}
		if err := checkEncoding(w, r); err != nil {
			return err
		}
		return handle(out, r)
	})
	code := problem.CodeOK
	if err != nil {
		code = s.fail(out, r, err)
	}
	s.metrics.Done(route, code, time.Since(start))
	if err != nil && out.cut {
		// The reply has begun, so no status can say that it failed; a cut connection can.
		panic(http.ErrAbortHandler)
	}
}

// checkEncoding refuses a compressed body: nobody here unpacks one, and the model server would call it malformed.
func checkEncoding(w http.ResponseWriter, r *http.Request) error {
	for encoding := range strings.SplitSeq(strings.Join(r.Header.Values("Content-Encoding"), ","), ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			w.Header().Set("Accept-Encoding", "identity")
			return problem.New(problem.CodeUnsupportedEncoding, "The body's encoding is %.40q.", encoding)
		}
	}
	return nil
}

// guarded counts a request while it is handled, and makes an error of a panic: one picture that a decoder cannot stand is one failed request.
func (s *Server) guarded(handle func() error) (err error) {
	end, ok := s.activity.Begin()
	if !ok {
		return problem.New(problem.CodeDraining, "The pod takes no more requests.").After(time.Second)
	}
	defer end()
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return handle()
}

// fail writes a problem, unless the reply has begun.
func (s *Server) fail(w *onceWriter, r *http.Request, err error) problem.Code {
	if protocol, bare := protocolError(err); bare {
		oip.WriteError(w, err)
		return protocolCode(protocol.Code)
	}
	p := problem.Of(err)
	if p.Code.Status() >= http.StatusInternalServerError && p.Code != problem.CodeOverloaded && p.Code != problem.CodeDraining {
		slog.Error("Request failed", "path", r.URL.Path, "code", string(p.Code), "err", err, "traceparent", r.Header.Get("Traceparent"))
	}
	if w.begun {
		w.cut = true
		return p.Code
	}
	if p.Code == problem.CodeDraining {
		w.Header().Set("Connection", "close")
	}
	p.Write(w)
	return p.Code
}

// protocolError gives a refusal of the inference protocol that no problem was made of.
func protocolError(err error) (protocol *oip.Error, bare bool) {
	var p *problem.Problem
	bare = !errors.As(err, &p) && errors.As(err, &protocol)
	return protocol, bare
}

// protocolCode counts a refusal of the inference protocol, which has its own error form, among the codes here.
func protocolCode(code oip.Code) problem.Code {
	switch code {
	case oip.CodeNotFound:
		return problem.CodeNotFound
	case oip.CodeMethod:
		return problem.CodeMethodNotAllowed
	}
	return problem.CodeBadRequest
}

// onceWriter knows whether a reply has begun, and whether it must be cut.
type onceWriter struct {
	http.ResponseWriter
	begun, cut bool
}

func (w *onceWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *onceWriter) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *onceWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
