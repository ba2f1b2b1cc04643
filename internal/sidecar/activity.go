package sidecar

import (
	"context"
	"sync"
	"time"
)

// phase of a pod's life.
type phase int

const (
	serving phase = iota
	// draining: readiness is off, every request is still answered.
	draining
	// closed: requests are refused with CodeDraining.
	closed
)

// activity counts requests in flight and knows when the last one ended.
type activity struct {
	mu       sync.Mutex
	phase    phase
	inFlight int
	last     time.Time
	// changed is closed and replaced when something ends or starts while draining.
	changed chan struct{}
}

func newActivity() *activity { return &activity{last: time.Now(), changed: make(chan struct{})} }

func (a *activity) now() phase {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.phase
}

func (a *activity) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.inFlight
}

// begin counts a request in; ok is false when the pod is closed.
func (a *activity) begin() (end func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.phase == closed {
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

func (a *activity) note() {
	a.last = time.Now()
	if a.phase == draining {
		close(a.changed)
		a.changed = make(chan struct{})
	}
}

// drain turns readiness off, and returns when nothing has been in flight for the quiet window, or when ctx ends; then the pod is closed.
// The window is what endpoint controllers and proxies need to stop sending; each new request starts it again.
func (a *activity) drain(ctx context.Context, quiet time.Duration) {
	a.mu.Lock()
	a.phase, a.last = draining, time.Now()
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
			a.phase = closed
			a.mu.Unlock()
			return
		}
	}
}

// idleFor gives what is left of the quiet window; at 0 it has closed the pod in the same step, so that no request slips in between.
func (a *activity) idleFor(quiet time.Duration) (time.Duration, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inFlight > 0 {
		// Only an end can change this; the timer is a net below it.
		return time.Hour, a.changed
	}
	left := quiet - time.Since(a.last)
	if left <= 0 {
		a.phase = closed
	}
	return left, a.changed
}
