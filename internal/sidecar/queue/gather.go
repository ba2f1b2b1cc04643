package queue

import (
	"container/list"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale/predict"
)

// place is a request that waits.
type place struct {
	ask     Ask
	element *list.Element
	// price is what it counts in the backlog.
	price time.Duration
	// deadline is zero when there is none.
	deadline time.Time
	// turn is closed when run is there.
	turn chan struct{}
	run  *Run
}

// together is the shape of so many requests of a shape in one run.
func together(s predict.Shape, requests int) predict.Shape {
	s.Batch *= requests
	return s
}

// gather gives those who go into the model server together: whoever has waited longest, and with it those of the same shape who may share its run, in
// their order, as many as it may share with. Whoever would be answered too late because of the others ends it: a request that would have been in
// time alone is never late for company, and nobody who could not join is passed by those of its shape behind it.
func (q *Queue) gather(now time.Time) []*place {
	first := q.waiting.Front()
	leader := first.Value.(*place)
	gathered := []*place{leader}
	if leader.ask.Member == nil || leader.ask.Most <= 1 {
		return gathered
	}
	start := now.Add(q.remaining())
	alone := start.Add(q.predictor.Predict(leader.ask.Shape))
	var tightest time.Time
	tighten := func(deadline time.Time) {
		// Who would be late alone as well has nothing to lose.
		if !deadline.Before(alone) && (tightest.IsZero() || deadline.Before(tightest)) {
			tightest = deadline
		}
	}
	tighten(leader.deadline)
	for e := first.Next(); e != nil && len(gathered) < leader.ask.Most; e = e.Next() {
		next := e.Value.(*place)
		if next.ask.Member == nil || next.ask.Shape != leader.ask.Shape {
			continue
		}
		tighten(next.deadline)
		end := start.Add(q.predictor.Predict(together(leader.ask.Shape, len(gathered)+1)))
		if !tightest.IsZero() && end.After(tightest) {
			break
		}
		gathered = append(gathered, next)
	}
	return gathered
}
