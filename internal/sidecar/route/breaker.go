package route

import (
	"sync"
	"time"
)

// tripAfter is how many failures in a row, or forwards that nothing comes of, hold a candidate back: one or two are what a pod that is replaced
// leaves behind, and each more is a shopper who waits for nothing.
const tripAfter = 3

// breaker holds back a candidate that does not answer: it is sent one request at a time, until one is answered.
type breaker struct {
	mu       sync.Mutex
	failures int
	// answered is when the candidate last did.
	answered time.Time
	flights  map[*flight]struct{}
	probing  bool
}

// flight is a request that is at the candidate.
type flight struct {
	sent  time.Time
	probe bool
}

func newBreaker() *breaker { return &breaker{flights: map[*flight]struct{}{}} }

// admit lets a request go to the candidate, from which it must land; nil when this pod is to answer it.
func (b *breaker) admit(now time.Time, tardy time.Duration) *flight {
	b.mu.Lock()
	defer b.mu.Unlock()
	probe := b.failures+b.overdue(now, tardy) >= tripAfter
	if probe && b.probing {
		return nil
	}
	f := &flight{sent: now, probe: probe}
	b.probing = b.probing || probe
	b.flights[f] = struct{}{}
	return f
}

// overdue counts the flights since whose start nothing has come from the candidate, for longer than tardy. A candidate that is only busy answers one
// after the other.
func (b *breaker) overdue(now time.Time, tardy time.Duration) int {
	n := 0
	for f := range b.flights {
		if now.Sub(f.sent) > tardy && now.Sub(b.answered) > tardy {
			n++
		}
	}
	return n
}

// land ends a flight; what came of it is learned when it is known.
func (b *breaker) land(f *flight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.flights, f)
	if f.probe {
		b.probing = false
	}
}

// learn takes what came of a request of the candidate's. One that was refused says nothing.
func (b *breaker) learn(o Outcome, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch o {
	case Answered:
		b.failures, b.answered = 0, now
	case Failed, FailedBoth:
		b.failures++
	}
}
