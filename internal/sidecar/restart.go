package sidecar

import (
	"context"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/batch"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// available is nil when the model server is ready; the patient wait for one that is on its way back, as many as will find a place in the queue then:
// who would be refused in the end is told now. Errors are *problem.Problem.
func (s *Server) available(ctx context.Context, patient bool) error {
	err := s.model.Ready()
	if err != nil && patient {
		if !s.restart.TryAcquire(1) {
			return s.turnedAway(problem.New(problem.CodeOverloaded, "As many requests as may wait already wait for the model server.").After(2 * time.Second))
		}
		defer s.restart.Release(1)
		err = s.model.Await(ctx)
	}
	if err != nil {
		return notReady(err)
	}
	return nil
}

// again asks once more for a request that the model server did not answer because it ended: it is back within seconds. To ask twice does no harm,
// and more often would: the request may be to blame. Where nobody may wait any more, or the model server stays away, the first outcome stands.
func (s *Server) again(ctx context.Context, row oip.TryOn, first batch.Answer, failure error) (batch.Answer, error) {
	// The place is kept until the answer: those who wait for the model server and those who are asked again are the next ones in the queue.
	if !s.restart.TryAcquire(1) {
		return first, failure
	}
	defer s.restart.Release(1)
	if s.model.Return(ctx) != nil {
		return first, failure
	}
	return s.batcher.Again(ctx, row, func(ctx context.Context) error {
		// The one before it may have ended the model server again.
		if err := s.model.Return(ctx); err != nil {
			return notReady(err)
		}
		return nil
	})
}

func notReady(err error) *problem.Problem {
	return problem.Because(problem.CodeRuntimeUnavailable, err, "The pod is not ready.").After(2 * time.Second)
}
