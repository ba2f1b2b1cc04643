package route

import (
	"sync"

	"github.com/braincreators/tryon-operator/internal/control"
)

// Turn is whose turn a request is. Its end is counted once.
type Turn struct {
	// Candidate is asked first; nil when this pod is.
	Candidate *control.Candidate

	router *Router
	// tally is nil when the request is not one of those that the share is about.
	tally  *tally
	flight *flight
}

// Outcome is what came of a request for the version whose turn it was.
type Outcome int

const (
	// Left: nobody waits for the answer, so nothing can be said.
	Left Outcome = iota
	// Answered: it did.
	Answered
	// Refused: the request was at fault, as this pod says.
	Refused
	// Failed: it was at fault. A candidate's request was answered by this pod.
	Failed
	// FailedBoth: the candidate was at fault, and this pod did not answer either.
	FailedBoth
)

// End counts what came of the request.
func (t *Turn) End(o Outcome) {
	if t.tally == nil {
		return
	}
	if t.Candidate != nil && o != Answered {
		o = t.tally.breaker.learn(t.flight, o)
	}
	if o != Left {
		t.tally.add(t.Candidate != nil, o)
	}
}

// maxCounted is where a tally stops: what a million requests have not shown, one more does not.
const maxCounted = 1 << 20

// tally counts under one control document. What is counted under another has another share, and cannot be added to it.
type tally struct {
	generation int64
	candidate  control.Candidate
	breaker    *breaker

	mu     sync.Mutex
	counts control.Forwards
}

// next is the tally of another document; a candidate that stays is known there, too.
func (t *tally) next(document control.Document) *tally {
	n := &tally{generation: document.Generation, breaker: newBreaker()}
	if document.Candidate != nil {
		n.candidate = *document.Candidate
	}
	if t != nil && t.candidate.Version == n.candidate.Version && t.candidate.Address == n.candidate.Address {
		n.breaker = t.breaker
	}
	n.counts = control.Forwards{Instance: control.NewInstance(), Generation: document.Generation, Version: n.candidate.Version}
	return n
}

func (t *tally) read() *control.Forwards {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := t.counts
	return &counts
}

func (t *tally) add(candidate bool, o Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.counts
	if c.Stable+c.Candidate >= maxCounted {
		return
	}
	failed := int64(0)
	if o == Failed || o == FailedBoth {
		failed = 1
	}
	if !candidate {
		c.Stable++
		c.StableFailed += failed
		return
	}
	c.Candidate++
	c.CandidateFailed += failed
	if o == FailedBoth {
		c.BothFailed++
	}
}
