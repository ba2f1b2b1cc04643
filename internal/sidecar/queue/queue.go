package queue

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale/predict"
)

// Queue bounds the runs that are in the model server and the requests that wait for one; first come, first served. It predicts the wait from the
// times it saw, so that a request that cannot be in time is refused at once instead of after its deadline.
type Queue struct {
	concurrent, most int

	mu        sync.Mutex
	predictor *predict.Predictor
	meter     meter
	runs      map[*Run]struct{}
	// abandoned tells that the last run was left without an answer: the model server may still be at it when the next one comes.
	abandoned bool
	// waiting holds a *place for each request that waits, longest in front. While anything is in here all runs are taken, so nobody can push in.
	waiting list.List
	// priced is the sum of the prices of all that wait.
	priced time.Duration
}

// Bounds of a Queue.
type Bounds struct {
	// Concurrent runs may be in the model server, Waiting requests may wait for one.
	Concurrent, Waiting int
	// PerMegapixel is what a run is expected to take for a million pixels, before any was seen.
	PerMegapixel time.Duration
}

// Ask is what a request wants of the model server.
type Ask struct {
	// Shape of the request.
	Shape predict.Shape
	// Member is given to whoever asks the model server for several at once; nil when the request needs a run of its own.
	Member any
	// Most is how many requests of the shape may share a run that this one begins, itself included.
	Most int
}

// FullError refuses a request that cannot be in time.
type FullError struct {
	// Waiting is how many requests are before it, Expected the time until it would start.
	Waiting  int
	Expected time.Duration
}

func (e *FullError) Error() string { return fmt.Sprintf("%d requests are waiting", e.Waiting) }

// New makes a queue.
func New(b Bounds) *Queue {
	now := time.Now()
	return &Queue{
		concurrent: b.Concurrent, most: b.Waiting, predictor: predict.New(b.PerMegapixel),
		meter: meter{began: now, last: now}, runs: map[*Run]struct{}{},
	}
}

// Load says how much work waits, comes and is done.
func (q *Queue) Load() Load {
	q.mu.Lock()
	defer q.mu.Unlock()
	load := q.meter.load(time.Now())
	load.Backlog = max(0, q.backlog()-q.copying())
	return load
}

// copying is the work that is left of runs nobody waits for: who comes meanwhile waits for it, but no pod has to be started for it. The meter must be
// up to date.
func (q *Queue) copying() time.Duration {
	left := time.Duration(0)
	for r := range q.runs {
		if r.spare {
			left += r.remaining(q.meter.shared)
		}
	}
	return left
}

// backlog is the time until a request that came now would start. The meter must be up to date.
func (q *Queue) backlog() time.Duration {
	if len(q.runs) < q.concurrent {
		return 0
	}
	return q.remaining() + q.priced
}

// remaining is the work that is left of the runs in the model server. The meter must be up to date.
func (q *Queue) remaining() time.Duration {
	left := time.Duration(0)
	for r := range q.runs {
		left += r.remaining(q.meter.shared)
	}
	return left
}

// price is the work that a request brings. Where many may share a run, it is what one of them costs in a full one: so much the pod can do when it
// has to, and so long do those wait who come behind.
func (q *Queue) price(ask Ask) time.Duration {
	if ask.Member == nil || ask.Most <= 1 {
		return q.predictor.Predict(ask.Shape)
	}
	return q.predictor.Predict(together(ask.Shape, ask.Most)) / time.Duration(ask.Most)
}

// Predict gives the time until a request that came now would start, and that of a run of the shape.
func (q *Queue) Predict(shape predict.Shape) (wait, run time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.meter.advance(time.Now())
	return q.backlog(), q.predictor.Predict(shape)
}

// Waiting gives how many requests wait.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting.Len()
}

// Refused counts the work of a request that was refused before it came here, because too much else was going on.
func (q *Queue) Refused(ask Ask) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.meter.arrive(time.Now(), q.price(ask))
}

// Learn takes the time that a run took outside the queue, with nothing beside it.
func (q *Queue) Learn(shape predict.Shape, took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.predictor.Learn(shape, took)
}

// Enter waits for a run; it must be left once. A request that finds a run free starts at once, alone; others wait, and those that may share a run get
// the same one: then the first of its members asks the model server for all and leaves it. The error is a *FullError, or ctx's own when that ends
// first: then the place in the queue is free at once.
func (q *Queue) Enter(ctx context.Context, ask Ask) (*Run, error) {
	run, place, err := q.join(ctx, ask)
	if err != nil || run != nil {
		return run, err
	}
	return q.wait(ctx, place)
}

// TryEnter takes a run only when nobody runs or waits: for work that comes after everybody's, and that counts as no load. Who comes meanwhile waits for
// it when only one run may be in the model server, where it would be in the way as well. It must be left once, if it is not nil.
func (q *Queue) TryEnter(shape predict.Shape) *Run {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.runs) > 0 {
		return nil
	}
	return q.begin(time.Now(), &Run{shape: shape, spare: true})
}

// begin puts a run into the model server.
func (q *Queue) begin(now time.Time, r *Run) *Run {
	q.meter.advance(now)
	r.queue, r.alone = q, q.concurrent == 1 && len(r.members) <= 1 && !q.abandoned
	r.expected, r.since = q.predictor.Predict(r.shape), q.meter.shared
	q.runs[r] = struct{}{}
	q.count()
	return r
}

func (q *Queue) end(r *Run) {
	delete(q.runs, r)
	q.count()
}

// count tells the meter what runs from now on.
func (q *Queue) count() {
	q.meter.running, q.meter.shoppers = len(q.runs), 0
	for r := range q.runs {
		if !r.spare {
			q.meter.shoppers++
		}
	}
}

// join gives a run when one is free, and else a place in the queue.
func (q *Queue) join(ctx context.Context, ask Ask) (*Run, *place, error) {
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	p := &place{ask: ask, price: q.price(ask), turn: make(chan struct{})}
	p.deadline, _ = ctx.Deadline()
	q.meter.arrive(now, p.price)
	if len(q.runs) < q.concurrent {
		return q.begin(now, makeRun([]*place{p})), nil, nil
	}
	q.meter.advance(now)
	expected := q.backlog()
	// To start in time is not enough: whoever is admitted to be cut off in the middle of its run has taken the time of others, and in an overload
	// that would be everybody.
	late := !p.deadline.IsZero() && now.Add(expected+q.predictor.Predict(ask.Shape)).After(p.deadline)
	if q.waiting.Len() >= q.most || late {
		return nil, nil, &FullError{Waiting: q.waiting.Len(), Expected: expected}
	}
	p.element = q.waiting.PushBack(p)
	q.priced += p.price
	return nil, p, nil
}

// makeRun makes the run of those who go into the model server together.
func makeRun(places []*place) *Run {
	r := &Run{shape: together(places[0].ask.Shape, len(places))}
	for _, p := range places {
		if p.ask.Member != nil {
			r.members = append(r.members, p.ask.Member)
		}
	}
	return r
}

func (q *Queue) wait(ctx context.Context, p *place) (*Run, error) {
	select {
	case <-p.turn:
		return p.run, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case p.run == nil:
		q.leave(p)
		return nil, ctx.Err()
	case p.ask.Member != nil:
		// The turn came in the same moment, and others may rely on it.
		return p.run, nil
	}
	q.meter.advance(time.Now())
	q.end(p.run)
	q.pass(time.Now())
	return nil, ctx.Err()
}

// leave takes a request out of those that wait.
func (q *Queue) leave(p *place) {
	q.waiting.Remove(p.element)
	q.priced -= p.price
}

// pass hands a run on to those whose turn it is.
func (q *Queue) pass(now time.Time) {
	if q.waiting.Len() == 0 || len(q.runs) >= q.concurrent {
		return
	}
	places := q.gather(now)
	for _, p := range places {
		q.leave(p)
	}
	run := q.begin(now, makeRun(places))
	for _, p := range places {
		p.run = run
		close(p.turn)
	}
}
