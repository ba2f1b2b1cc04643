package sidecar

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/sidecar/intake"
	"github.com/braincreators/tryon-operator/internal/sidecar/modelserver"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/shadow"
	"github.com/braincreators/tryon-operator/internal/sidecar/shopper"
)

// shadowCopies bounds the copies that wait: enough for a burst, few enough that what is compared is recent.
const shadowCopies = 32

// offer hands a sample to the shadow when it is one of those to compare, and to the recorder when the shopper got an answer and it is one of those to
// capture. It never waits.
func (s *Server) offer(header http.Header, sample *shadow.Sample, answered bool) {
	if sample == nil {
		return
	}
	candidate := s.router.Sample(header)
	if answered && s.toCapture(header, candidate) {
		sample.Done = s.capturing(*sample, time.Now())
	}
	switch {
	case candidate != nil:
		s.mirror.Offer(*candidate, *sample)
	case sample.Done != nil:
		sample.Done(nil)
	}
}

// modelFailed tells an error that the model made, when it was asked, from one of the request or of a client that left. Whatever is the candidate's fault
// when it is asked (package shadow) is one here.
func modelFailed(err error) bool {
	var p *problem.Problem
	if !errors.As(err, &p) {
		return false
	}
	switch p.Code {
	case problem.CodeRuntimeFailed, problem.CodeRuntimeUnavailable, problem.CodeDeadlineExceeded, problem.CodeOverloaded:
		return true
	}
	return false
}

// timeFor is how much time a request's run had when it began.
func timeFor(ctx context.Context, began time.Time) time.Duration {
	deadline, _ := ctx.Deadline()
	return deadline.Sub(began)
}

// inferCopy answers a copy of a request that a stable pod has answered. Shoppers come first: it is refused while anything else runs or waits. The
// answer says how long the model took.
func (s *Server) inferCopy(ctx context.Context, w http.ResponseWriter, r *http.Request, visit *intake.Visit) (modelserver.Answer, error) {
	if err := s.model.Ready(); err != nil {
		return modelserver.Answer{}, notReady(err)
	}
	body, err := visit.ReadBody(w, r)
	if err != nil {
		return modelserver.Answer{}, err
	}
	run := s.queue.TryEnter(s.shape(1))
	if run == nil {
		return modelserver.Answer{}, problem.New(problem.CodeOverloaded, "Shoppers come first.").After(time.Second)
	}
	defer run.Leave()
	start := time.Now()
	answer, err := s.model.Relay(ctx, r, body, visit)
	if err == nil && answer.Status == http.StatusOK {
		w.Header().Set("Server-Timing", shadow.Timing(time.Since(start), run.Alone()))
		run.Served()
	}
	return answer, err
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
