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
	tardy time.Duration
	probe bool
	// hung tells that it ended without an answer, and that nothing else had come from the candidate for longer than tardy.
	hung bool
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
	f := &flight{sent: now, tardy: tardy, probe: probe}
	b.probing = b.probing || probe
	b.flights[f] = struct{}{}
	return f
}

// overdue counts the flights since whose start nothing has come from the candidate, for longer than tardy. A candidate that is only busy answers one
// after the other.
func (b *breaker) overdue(now time.Time, tardy time.Duration) int {
	n := 0
	for f := range b.flights {
		if b.silent(f, now, tardy) {
			n++
		}
	}
	return n
}

func (b *breaker) silent(f *flight, now time.Time, tardy time.Duration) bool {
	return now.Sub(f.sent) > tardy && now.Sub(b.answered) > tardy
}

// land ends a flight. One without an answer counts as a failure until it is known what came of the request here, which may take as long as the
// queue is.
func (b *breaker) land(f *flight, answered bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.flights, f)
	if f.probe {
		b.probing = false
	}
	if answered {
		b.failures, b.answered = 0, now
		return
	}
	b.failures++
	f.hung = b.silent(f, now, f.tardy)
}

// learn takes what came of a request whose flight brought no answer, and gives what that says of the candidate. One that was refused says
// nothing, nor does one whose client left: unless it has waited for a candidate from which nothing comes.
func (b *breaker) learn(f *flight, o Outcome) Outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case o == Left && f.hung:
		return Failed
	case o == Refused || o == Left:
		b.failures = max(0, b.failures-1)
	}
	return o
}
