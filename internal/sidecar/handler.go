package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
)

// Routes, as label values.
const (
	routeTryOn   = "tryon"
	routeModel   = "model"
	routeInfer   = "infer"
	routeOther   = "other"
	routeControl = "control"
)

// writeSlack is what a slow reader gets on top of a request's own time.
const writeSlack = 30 * time.Second

// Handler serves the Shopper API and the inference protocol.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1/tryon":
			s.answer(w, r, routeTryOn, http.MethodPost, s.tryOn)
		case r.URL.Path == "/v1/model":
			s.answer(w, r, routeModel, http.MethodGet, s.model)
		case r.URL.Path == "/v2" || strings.HasPrefix(r.URL.Path, "/v2/"):
			s.answer(w, r, routeInfer, "", s.passThrough)
		default:
			s.answer(w, r, routeOther, "", func(http.ResponseWriter, *http.Request) error {
				return problem(CodeNotFound, "The path is %.80q.", r.URL.Path)
			})
		}
	})
}

// answer is the frame of every request: counted, bounded in time, and ended by a problem document when it fails.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, route, method string, handle func(http.ResponseWriter, *http.Request) error) {
	start := time.Now()
	out := &onceWriter{ResponseWriter: w}
	err := func() error {
		end, ok := s.activity.begin()
		if !ok {
			return s.draining()
		}
		defer end()
		if s.activity.now() != serving {
			// Keep-alive clients move to another pod with their next request.
			w.Header().Set("Connection", "close")
		}
		_ = http.NewResponseController(w).SetWriteDeadline(start.Add(s.options.BodyTimeout + s.options.RequestTimeout + writeSlack))
		if method != "" && r.Method != method {
			w.Header().Set("Allow", method)
			return problem(CodeMethodNotAllowed, "The method is %.20q.", r.Method)
		}
		return handle(out, r)
	}()
	code := CodeOK
	if err != nil {
		code = s.fail(out, r, err)
	}
	s.metrics.done(route, code, time.Since(start))
	if err != nil && out.cut {
		// The reply has begun, so no status can say that it failed; a cut connection can.
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) draining() error {
	p := problem(CodeDraining, "The pod takes no more requests.")
	p.RetryAfter = time.Second
	return p
}

// fail writes a problem, unless the reply has begun.
func (s *Server) fail(w *onceWriter, r *http.Request, err error) Code {
	if protocol, bare := protocolError(err); bare {
		oip.WriteError(w, err)
		return protocolCode(protocol.Code)
	}
	p := problemOf(err)
	if problems[p.Code].status >= http.StatusInternalServerError && p.Code != CodeOverloaded && p.Code != CodeDraining {
		slog.Error("Request failed", "path", r.URL.Path, "code", string(p.Code), "err", err, "traceparent", r.Header.Get("Traceparent"))
	}
	if w.begun {
		w.cut = true
		return p.Code
	}
	if p.Code == CodeDraining {
		w.Header().Set("Connection", "close")
	}
	p.write(w)
	return p.Code
}

// protocolError gives a refusal of the inference protocol that no problem was made of.
func protocolError(err error) (protocol *oip.Error, bare bool) {
	var p *Problem
	bare = !errors.As(err, &p) && errors.As(err, &protocol)
	return protocol, bare
}

// protocolCode counts a refusal of the inference protocol, which has its own error form, among the codes here.
func protocolCode(code oip.Code) Code {
	switch code {
	case oip.CodeNotFound:
		return CodeNotFound
	case oip.CodeMethod:
		return CodeMethodNotAllowed
	}
	return CodeBadRequest
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

// tryOn is one try-on's way through the pod.
func (s *Server) tryOn(w http.ResponseWriter, r *http.Request) error {
	mediaType, err := negotiate(r.Header.Values("Accept"))
	if err != nil {
		return err
	}
	release, err := s.admit(r.ContentLength, s.options.BodyBytes)
	if err != nil {
		return err
	}
	defer release()
	body, err := s.readBody(w, r, s.options.BodyBytes)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(oip.WithTrace(r.Context(), r.Header), s.options.RequestTimeout)
	defer cancel()
	req, err := decodeRequest(r.Header.Get("Content-Type"), body, s.options)
	if err != nil {
		return err
	}
	if s.forward(ctx, w, r, body) {
		return nil
	}
	if err := s.able(); err != nil {
		return notReady(err)
	}
	t := newTimings(s.metrics)
	done, err := s.work(ctx, req, t)
	if err != nil {
		return err
	}
	out, err := done.encode(mediaType)
	if err != nil {
		return because(CodeInternal, err, "Encoding the picture.")
	}
	t.lap(stageEncode)
	s.metrics.answered(done.scores)
	w.Header().Set("Tryon-Version", s.options.Version)
	w.Header().Set("Server-Timing", t.header())
	writeBody(w, mediaType, out)
	return nil
}

func notReady(err error) *Problem {
	p := because(CodeRuntimeUnavailable, err, "The pod is not ready.")
	p.RetryAfter = 2 * time.Second
	return p
}

// admit bounds requests of any stage and the memory of their bodies; both are refused at once, never waited for.
func (s *Server) admit(length, most int64) (release func(), err error) {
	if length > most {
		return nil, problem(CodeTooLarge, "The body has %d bytes, %d are allowed.", length, most)
	}
	if length < 0 {
		length = most
	}
	if !s.inFlight.TryAcquire(1) {
		return nil, overloaded("Too many requests are in flight.")
	}
	// A body is held once as it came and once as its parts.
	if !s.bodies.TryAcquire(2 * length) {
		s.inFlight.Release(1)
		return nil, overloaded("Too many bytes are in flight.")
	}
	return func() {
		s.bodies.Release(2 * length)
		s.inFlight.Release(1)
	}, nil
}

func overloaded(detail string) *Problem {
	p := problem(CodeOverloaded, "%s", detail)
	p.RetryAfter = time.Second
	return p
}

// readBody reads a body of at most limit bytes, in time. Errors are *Problem.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.options.BodyTimeout))
	body, err := oip.ReadBody(w, r, limit)
	// Without this the server would take the deadline for a client that has gone while the runtime works.
	_ = control.SetReadDeadline(time.Time{})
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem(CodeTooSlow, "The body did not arrive within %s.", s.options.BodyTimeout)
	case oip.CodeOf(err) == oip.CodeTooLarge:
		return nil, problem(CodeTooLarge, "The body has more than the %d bytes that are allowed.", limit)
	case r.Context().Err() != nil:
		return nil, ended(r.Context(), "The body did not arrive in time.")
	}
	return nil, because(CodeBadRequest, err, "The body ended early.")
}

type modelReply struct {
	Version    string               `json:"version"`
	Signature  string               `json:"signature"`
	Height     int                  `json:"height"`
	Width      int                  `json:"width"`
	Categories []string             `json:"categories"`
	Limits     map[string]int64     `json:"limits"`
	Accepts    []string             `json:"accepts"`
	Replies    []string             `json:"replies"`
	Tensors    []oip.TensorMetadata `json:"inputs"`
}

func (s *Server) model(w http.ResponseWriter, _ *http.Request) error {
	o := s.options
	return writeJSON(w, modelReply{
		Version: o.Version, Signature: s.signature.Name, Height: s.signature.Height, Width: s.signature.Width, Categories: o.Categories,
		Limits:  map[string]int64{"bodyBytes": o.BodyBytes, "imageBytes": o.ImageBytes, "pixels": o.Photo.Pixels},
		Accepts: []string{"multipart/form-data", typeJSON}, Replies: []string{typePNG, typeJPEG, typeJSON},
		Tensors: s.signature.Inputs(),
	})
}

// timings measures the stages of one try-on.
type timings struct {
	metrics *metrics
	last    time.Time
	parts   []string
}

func newTimings(m *metrics) *timings { return &timings{metrics: m, last: time.Now()} }

func (t *timings) lap(stage string) {
	now := time.Now()
	took := now.Sub(t.last)
	t.last = now
	t.metrics.stages.WithLabelValues(stage).Observe(took.Seconds())
	t.parts = append(t.parts, fmt.Sprintf("%s;dur=%.1f", stage, float64(took)/float64(time.Millisecond)))
}

func (t *timings) header() string { return strings.Join(t.parts, ", ") }
