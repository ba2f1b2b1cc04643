package queue

import (
	"time"

	"github.com/braincreators/tryon-operator/internal/scale/predict"
)

// Run is a place in the model server. It must be left once.
type Run struct {
	queue *Queue
	// members share the run; empty for a request that wanted one of its own.
	members []any
	// shape of all members together.
	shape predict.Shape
	// expected is the predicted work, since the meter's reading at its beginning.
	expected, since       time.Duration
	spare, served, spoilt bool
	alone                 bool
}

// Members are those that share the run, in the order in which they came. The first of them has to ask the model server for all.
func (r *Run) Members() []any { return r.members }

// Alone tells whether the run is one request's and has the model server for itself: then its time is that request's own. It is known when the run
// begins, and nothing that comes meanwhile changes it: a run that takes long would meet more, and the times that are left would be the short ones.
func (r *Run) Alone() bool { return r.alone }

// Served says that the model server answered, to all that share the run at once: the time until Leave is how long such a run takes.
func (r *Run) Served() { r.served = true }

// Keep says that only so many of the members are left: the others have gone before the model server was asked.
func (r *Run) Keep(members int) {
	r.queue.mu.Lock()
	defer r.queue.mu.Unlock()
	r.shape.Batch = r.shape.Batch / len(r.members) * members
	r.expected = r.queue.predictor.Predict(r.shape)
}

// Spoil says that the model server was asked otherwise than once for all: the run's time teaches nothing.
func (r *Run) Spoil() { r.spoilt = true }

// Leave ends the run.
func (r *Run) Leave() {
	q := r.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.meter.advance(now)
	work := q.meter.shared - r.since
	// A run that failed or whose client left tells only that an answer takes no less: a model server that refuses connections must not look fast,
	// nor one that hangs.
	if !r.spoilt && (r.served || work > q.predictor.Predict(r.shape)) {
		q.predictor.Learn(r.shape, work)
	}
	q.abandoned = !r.served
	q.end(r)
	q.pass(now)
}

// remaining is the work that is left of a run. One that takes longer than it should is expected to take as much longer again.
func (r *Run) remaining(shared time.Duration) time.Duration {
	return (r.expected - (shared - r.since)).Abs()
}
