package queue

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// Queue bounds the runs that are in the model server and the requests that wait for one; first come, first served. It predicts the wait from the
// service times it saw, so that a request that cannot start in time is refused at once instead of after its deadline.
type Queue struct {
	concurrent, most int

	mu      sync.Mutex
	running int
	// begun counts all runs there ever were.
	begun int64
	// waiting holds a channel for each request that waits, longest in front; it is closed when the request's turn has come. While anything is in
	// here all runs are taken, so nobody can push in.
	waiting list.List
	// service is a moving mean of the service time of one run, 0 before the first.
	service time.Duration
}

// FullError refuses a request that cannot start in time.
type FullError struct {
	// Waiting is how many requests are before it, Expected the time until it would start.
	Waiting  int
	Expected time.Duration
}

func (e *FullError) Error() string { return fmt.Sprintf("%d requests are waiting", e.Waiting) }

// New makes a queue for so many concurrent runs and waiting requests.
func New(concurrent, waiting int) *Queue { return &Queue{concurrent: concurrent, most: waiting} }

// Backlog gives the predicted time until a request that came now would start.
func (q *Queue) Backlog() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.predict()
}

func (q *Queue) predict() time.Duration {
	if q.running < q.concurrent {
		return 0
	}
	return q.service * time.Duration(q.waiting.Len()+1) / time.Duration(q.concurrent)
}

// Waiting gives how many requests wait.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting.Len()
}

// Enter waits for a run; it must be left once. The error is a *FullError, or ctx's own when that ends first: then the place in the queue is free
// at once.
func (q *Queue) Enter(ctx context.Context) (*Run, error) {
	place, err := q.join(ctx)
	if err != nil {
		return nil, err
	}
	if place != nil {
		if err := q.wait(ctx, place); err != nil {
			return nil, err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.begin(), nil
}

// TryEnter takes a run only when nobody runs or waits: for work that must not make anybody wait. It must be left once, if it is not nil.
func (q *Queue) TryEnter() *Run {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running > 0 {
		return nil
	}
	q.running++
	return q.begin()
}

func (q *Queue) begin() *Run {
	q.begun++
	return &Run{queue: q, start: time.Now(), number: q.begun, shared: q.running > 1}
}

// join gives a place in the queue, nil when a run is free.
func (q *Queue) join(ctx context.Context) (*list.Element, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running < q.concurrent {
		q.running++
		return nil, nil
	}
	expected := q.predict()
	deadline, bounded := ctx.Deadline()
	if q.waiting.Len() >= q.most || bounded && time.Until(deadline) < expected {
		return nil, &FullError{Waiting: q.waiting.Len(), Expected: expected}
	}
	return q.waiting.PushBack(make(chan struct{})), nil
}

func (q *Queue) wait(ctx context.Context, place *list.Element) error {
	turn := place.Value.(chan struct{})
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-turn:
		// The turn came in the same moment: it is the next one's.
		q.pass()
	default:
		q.waiting.Remove(place)
	}
	return ctx.Err()
}

// pass hands a run on to whoever has waited longest.
func (q *Queue) pass() {
	next := q.waiting.Front()
	if next == nil {
		q.running--
		return
	}
	close(q.waiting.Remove(next).(chan struct{}))
}

// Run is a place in the model server.
type Run struct {
	queue  *Queue
	start  time.Time
	served bool
	// number is the run's place among all, shared tells that others were running when it began.
	number int64
	shared bool
}

// Alone tells whether nothing else has been in the model server since the run began: then its time is the model's own.
func (r *Run) Alone() bool {
	r.queue.mu.Lock()
	defer r.queue.mu.Unlock()
	return !r.shared && r.queue.begun == r.number
}

// Served says that the model server answered: the time until Leave is how long a run takes.
func (r *Run) Served() { r.served = true }

// Leave ends the run.
func (r *Run) Leave() {
	r.queue.mu.Lock()
	defer r.queue.mu.Unlock()
	r.queue.learn(time.Since(r.start), r.served)
	r.queue.pass()
}

// learn takes a run's time into the mean. A run that failed or whose client left tells only that an answer takes no less; a model server that
// refuses connections must not look fast.
func (q *Queue) learn(took time.Duration, served bool) {
	switch {
	case !served && (q.service == 0 || took <= q.service):
	case q.service == 0:
		q.service = took
	default:
		q.service += (took - q.service) / 8
	}
}
