package queue

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Queue bounds the runs that are in the model server and the requests that wait for one. It predicts the wait from the service times it saw,
// so that a request that cannot be answered in time is refused at once instead of after its deadline.
type Queue struct {
	slots   chan struct{}
	mu      sync.Mutex
	waiting int
	most    int
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
func New(concurrent, waiting int) *Queue {
	return &Queue{slots: make(chan struct{}, concurrent), most: waiting}
}

// Backlog gives the predicted time until a request that came now would start.
func (q *Queue) Backlog() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.predict()
}

func (q *Queue) predict() time.Duration {
	if len(q.slots) < cap(q.slots) {
		return 0
	}
	return q.service * time.Duration(q.waiting+1) / time.Duration(cap(q.slots))
}

// Waiting gives how many requests wait.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// Enter waits for a slot. leave must be called once when the run is over. The error is a *FullError, or ctx's own when that ends first.
func (q *Queue) Enter(ctx context.Context) (leave func(), err error) {
	if err := q.join(ctx); err != nil {
		return nil, err
	}
	select {
	case q.slots <- struct{}{}:
		q.quit()
	case <-ctx.Done():
		q.quit()
		return nil, ctx.Err()
	}
	start := time.Now()
	return func() {
		q.learn(time.Since(start))
		<-q.slots
	}, nil
}

func (q *Queue) join(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	expected := q.predict()
	deadline, bounded := ctx.Deadline()
	late := bounded && expected > 0 && time.Now().Add(expected).After(deadline)
	if len(q.slots) == cap(q.slots) && (q.waiting >= q.most || late) {
		return &FullError{Waiting: q.waiting, Expected: expected}
	}
	q.waiting++
	return nil
}

func (q *Queue) quit() {
	q.mu.Lock()
	q.waiting--
	q.mu.Unlock()
}

func (q *Queue) learn(took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.service == 0 {
		q.service = took
		return
	}
	q.service += (took - q.service) / 8
}
