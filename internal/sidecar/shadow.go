package sidecar

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/shadow"
	"github.com/braincreators/tryon-operator/internal/sidecar/shopper"
)

// shadowCopies bounds the copies that wait: enough for a burst, few enough that what is compared is recent.
const shadowCopies = 32

// offer hands a sample to the shadow when it is one of those to compare. It never waits.
func (s *Server) offer(header http.Header, sample *shadow.Sample) {
	if sample == nil {
		return
	}
	if candidate := s.router.Sample(header); candidate != nil {
		s.mirror.Offer(*candidate, *sample)
	}
}

// modelFailed tells an error that the model made from one of the request, of a crowd or of a client that left.
func modelFailed(err error) bool {
	var p *problem.Problem
	return errors.As(err, &p) && (p.Code == problem.CodeRuntimeFailed || p.Code == problem.CodeRuntimeUnavailable)
}

// answerCopy answers a copy of a request that a stable pod has answered. Shoppers come first: it is refused while anything else runs or waits,
// and is never sent on. The answer says how long the model took.
func (s *Server) answerCopy(w http.ResponseWriter, r *http.Request) error {
	if path, _, _, err := oip.ParsePath(r.URL.EscapedPath()); err != nil || path != oip.RouteInfer {
		return problem.New(problem.CodeNotFound, "Only inference can be copied.")
	}
	release, err := s.gate.Admit(r.ContentLength, s.options.TensorBytes)
	if err != nil {
		return err
	}
	defer release()
	if err := s.model.Ready(); err != nil {
		return notReady(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.BodyTimeout+s.options.RequestTimeout)
	defer cancel()
	body, err := s.gate.ReadBody(w, r, s.options.TensorBytes)
	if err != nil {
		return err
	}
	run := s.queue.TryEnter()
	if run == nil {
		return problem.New(problem.CodeOverloaded, "Shoppers come first.").After(time.Second)
	}
	defer run.Leave()
	out := &held{header: http.Header{}}
	start := time.Now()
	if err := s.model.Relay(ctx, out, r, bytes.NewReader(body)); err != nil {
		return err
	}
	out.header.Set("Server-Timing", shadow.Timing(time.Since(start), run.Alone()))
	if out.status == http.StatusOK {
		run.Served()
	}
	out.send(w)
	return nil
}

// held keeps a reply until it is complete, so that its time can be said in its header.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }

func (h *held) send(w http.ResponseWriter) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(h.body.Len()))
	w.WriteHeader(h.status)
	// A client that has gone cannot be told so.
	_, _ = w.Write(h.body.Bytes())
}

// getEvidence tells the operator, and nobody else, how the candidate compares.
func (s *Server) getEvidence(w http.ResponseWriter, r *http.Request) error {
	if err := s.authorize(r, nil); err != nil {
		return err
	}
	compared := s.router.Compared()
	if compared == nil {
		return problem.New(problem.CodeNotFound, "No candidate is compared.")
	}
	body, err := s.mirror.Report(*compared, time.Now()).Encode()
	if err != nil {
		return problem.Because(problem.CodeInternal, err, "Encoding the evidence.")
	}
	if len(body) > evidence.MaxBytes {
		return problem.New(problem.CodeInternal, "The evidence has %d bytes.", len(body))
	}
	shopper.WriteBody(w, shopper.TypeJSON, body)
	return nil
}
