package sidecar

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
)

// passThrough streams a request of the inference protocol to the runtime and its answer back, both bounded. Inference waits in the same queue
// as try-ons. Errors of the path have the protocol's own form; everything else is a problem document.
func (s *Server) passThrough(w http.ResponseWriter, r *http.Request) error {
	route, _, _, err := oip.ParsePath(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.BodyTimeout+s.options.RequestTimeout)
	defer cancel()
	if err := oip.CheckMethod(route, r.Method); err != nil {
		w.Header().Set("Allow", oip.Allowed(route))
		return err
	}
	if route != oip.RouteInfer {
		return s.relay(ctx, w, r, http.NoBody)
	}
	release, err := s.admit(r.ContentLength, s.options.TensorBytes)
	if err != nil {
		return err
	}
	defer release()
	if err := s.able(); err != nil {
		return notReady(err)
	}
	// The body is read before a slot is taken: a slow client must not hold the runtime.
	body, err := s.readBody(w, r, s.options.TensorBytes)
	if err != nil {
		return err
	}
	leave, err := s.queue.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.relay(ctx, w, r, bytes.NewReader(body))
}

var (
	relayedRequestHeaders  = append([]string{"Content-Type", "Accept", oip.HeaderLength}, oip.TraceHeaders...)
	relayedResponseHeaders = []string{"Content-Type", "Retry-After", "Allow", oip.HeaderLength}
)

func (s *Server) relay(ctx context.Context, w http.ResponseWriter, r *http.Request, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, r.Method, strings.TrimSuffix(s.options.Runtime, "/")+r.URL.EscapedPath(), body)
	if err != nil {
		return because(CodeBadRequest, err, "The path is refused.")
	}
	copyHeaders(req.Header, r.Header, relayedRequestHeaders)
	resp, err := s.relayer.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ended(ctx, "The model server did not answer in time.")
		}
		s.watch.wake()
		p := because(CodeRuntimeUnavailable, err, "It does not answer.")
		p.RetryAfter = time.Second
		return p
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength > s.options.TensorBytes {
		return problem(CodeRuntimeFailed, "Its answer of %d bytes is over the limit.", resp.ContentLength)
	}
	copyHeaders(w.Header(), resp.Header, relayedResponseHeaders)
	w.WriteHeader(resp.StatusCode)
	// One byte more than allowed shows an endless answer, which is then cut: it has begun, so no status can say so.
	n, err := io.Copy(w, io.LimitReader(resp.Body, s.options.TensorBytes+1))
	if err == nil && n > s.options.TensorBytes {
		err = errors.New("answer over the limit")
	}
	if err != nil {
		return because(CodeRuntimeFailed, err, "Its answer was cut.")
	}
	return nil
}

func copyHeaders(to, from http.Header, names []string) {
	for _, name := range names {
		if values := from.Values(name); len(values) > 0 {
			to[http.CanonicalHeaderKey(name)] = values
		}
	}
}
