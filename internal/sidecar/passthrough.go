package sidecar

import (
	"bytes"
	"context"
	"net/http"

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
		return s.model.Relay(ctx, w, r, http.NoBody)
	}
	release, err := s.gate.Admit(r.ContentLength, s.options.TensorBytes)
	if err != nil {
		return err
	}
	defer release()
	if err := s.model.Ready(); err != nil {
		return notReady(err)
	}
	// The body is read before a slot is taken: a slow client must not hold the runtime.
	body, err := s.gate.ReadBody(w, r, s.options.TensorBytes)
	if err != nil {
		return err
	}
	run, err := s.queue.Enter(ctx)
	if err != nil {
		return notRun(ctx, err)
	}
	defer run.Leave()
	if err := s.model.Relay(ctx, w, r, bytes.NewReader(body)); err != nil {
		return err
	}
	run.Served()
	return nil
}
