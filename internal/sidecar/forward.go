package sidecar

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/braincreators/tryon-operator/internal/sidecar/intake"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
)

const (
	// tardyRuns is how many times as long as a run here a candidate may take, what waits before it included; whoever takes longer is not like the
	// version that it is to replace. leastTardy is what a hiccup may take.
	tardyRuns  = 4
	leastTardy = 500 * time.Millisecond
)

// tardy is how long nothing may come from a candidate before it is suspected.
func (s *Server) tardy() time.Duration {
	_, run := s.queue.Predict(s.shape(1))
	return max(leastTardy, tardyRuns*run)
}

// patience is how long a candidate is waited for: half of the time that is left, longer where runs take long, and never so long that the request
// could not be answered here afterwards, in wait and run. Where it could not be after half of the time, the candidate gets all of it.
func patience(left, wait, run time.Duration) time.Duration {
	here := wait + run
	if here > left/2 {
		return left
	}
	return min(max(left/2, tardyRuns*run), left-here)
}

// forward gives the candidate its turn. ok is true when it has answered; otherwise this pod answers as if nothing had happened.
func (s *Server) forward(ctx context.Context, turn *route.Turn, try route.Request, visit *intake.Visit) (reply route.Reply, ok bool) {
	deadline, _ := ctx.Deadline()
	wait, run := s.queue.Predict(s.shape(1))
	most := patience(time.Until(deadline), wait, run)
	if s.options.ForwardTimeout > 0 {
		most = min(most, s.options.ForwardTimeout)
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	reply, err := turn.Ask(ctx, try, visit)
	if err != nil {
		slog.Warn("Candidate did not answer, answering here", "version", turn.Candidate.Version, "err", err)
		return reply, false
	}
	turn.End(route.Answered)
	s.metrics.Forwarded(turn.Candidate.Version)
	return reply, true
}

// ended counts what came of a request that this pod answered with err. When it was the candidate's turn, that one has failed: unless the request
// was at fault, which only this pod is believed to say.
func (s *Server) ended(turn *route.Turn, err error, left bool) {
	o := outcomeOf(err, left)
	if turn.Candidate != nil {
		switch o {
		case route.Answered:
			o = route.Failed
		case route.Failed:
			o = route.FailedBoth
		}
		switch o {
		case route.Failed, route.FailedBoth:
			s.metrics.FellBack()
		case route.Refused:
			s.metrics.RefusedTwice()
		}
	}
	turn.End(o)
}

// outcomeOf is what an answer of this pod says about it.
func outcomeOf(err error, left bool) route.Outcome {
	switch {
	case err == nil:
		return route.Answered
	case left:
		return route.Left
	case problem.Of(err).Code.Status() < http.StatusInternalServerError:
		return route.Refused
	}
	return route.Failed
}
