package intake

import (
	"context"
	"sync"
	"time"
)

// Phase of a pod's life.
type Phase int

// The phases, in their order.
const (
	Serving Phase = iota
	// Draining: readiness is off, every request is still answered.
	Draining
	// Closed: requests are refused with a problem.
	Closed
)

// Activity counts requests in flight and knows when the last one ended.
type Activity struct {
	mu       sync.Mutex
	phase    Phase
	inFlight int
	last     time.Time
	// changed is closed and replaced when something ends or starts while draining.
	changed chan struct{}
}

// NewActivity makes one that serves.
func NewActivity() *Activity { return &Activity{last: time.Now(), changed: make(chan struct{})} }

// Phase is the pod's phase now.
func (a *Activity) Phase() Phase {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.phase
}

// InFlight gives how many requests are in flight.
func (a *Activity) InFlight() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.inFlight
}

// Begin counts a request in; ok is false when the pod is closed.
func (a *Activity) Begin() (end func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.phase == Closed {
		return nil, false
	}
	a.inFlight++
	a.note()
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.inFlight--
		a.note()
	}, true
}

func (a *Activity) note() {
	a.last = time.Now()
	if a.phase == Draining {
		close(a.changed)
		a.changed = make(chan struct{})
	}
}

// Drain turns readiness off, and returns when nothing has been in flight for the quiet window, or when ctx ends; then the pod is closed.
// The window is what endpoint controllers and proxies need to stop sending; each new request starts it again.
func (a *Activity) Drain(ctx context.Context, quiet time.Duration) {
	a.mu.Lock()
	a.phase, a.last = Draining, time.Now()
	a.mu.Unlock()
	for {
		wait, changed := a.idleFor(quiet)
		if wait <= 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			a.mu.Lock()
			a.phase = Closed
			a.mu.Unlock()
			return
		}
	}
}

// idleFor gives what is left of the quiet window; at 0 it has closed the pod in the same step, so that no request slips in between.
func (a *Activity) idleFor(quiet time.Duration) (time.Duration, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inFlight > 0 {
		// Only an end can change this; the timer is a net below it.
		return time.Hour, a.changed
	}
	left := quiet - time.Since(a.last)
	if left <= 0 {
		a.phase = Closed
	}
	return left, a.changed
}
