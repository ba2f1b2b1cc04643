package sidecar

import (
	"context"
	"errors"
	"sync"
	"time"
)

// queue bounds the runs that are in the runtime and the requests that wait for one. It predicts the wait from the service times it saw,
// so that a request that cannot be answered in time is refused at once instead of after its deadline.
type queue struct {
	slots   chan struct{}
	mu      sync.Mutex
	waiting int
	most    int
	// service is a moving mean of the service time of one run, 0 before the first.
	service time.Duration
}

func newQueue(concurrent, waiting int) *queue {
	return &queue{slots: make(chan struct{}, concurrent), most: waiting}
}

// backlog gives the predicted time until a request that came now would start.
func (q *queue) backlog() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.predict()
}

func (q *queue) predict() time.Duration {
	if len(q.slots) < cap(q.slots) {
		return 0
	}
	return q.service * time.Duration(q.waiting+1) / time.Duration(cap(q.slots))
}

func (q *queue) waitingNow() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// enter waits for a slot. leave must be called once when the run is over. Errors are *Problem.
func (q *queue) enter(ctx context.Context) (leave func(), err error) {
	if err := q.join(ctx); err != nil {
		return nil, err
	}
	select {
	case q.slots <- struct{}{}:
		q.quit()
	case <-ctx.Done():
		q.quit()
		return nil, ended(ctx, "No run was free in time.")
	}
	start := time.Now()
	return func() {
		q.learn(time.Since(start))
		<-q.slots
	}, nil
}

func (q *queue) join(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	expected := q.predict()
	deadline, bounded := ctx.Deadline()
	late := bounded && expected > 0 && time.Now().Add(expected).After(deadline)
	if len(q.slots) == cap(q.slots) && (q.waiting >= q.most || late) {
		p := problem(CodeOverloaded, "%d requests are waiting already.", q.waiting)
		p.RetryAfter = max(expected, time.Second)
		return p
	}
	q.waiting++
	return nil
}

func (q *queue) quit() {
	q.mu.Lock()
	q.waiting--
	q.mu.Unlock()
}

func (q *queue) learn(took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.service == 0 {
		q.service = took
		return
	}
	q.service += (took - q.service) / 8
}

// ended turns a context that is over into its problem.
func ended(ctx context.Context, detail string) *Problem {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return because(CodeDeadlineExceeded, ctx.Err(), "%s", detail)
	}
	return because(CodeClientGone, ctx.Err(), "The client closed the connection.")
}
