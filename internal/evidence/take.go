package evidence

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

const (
	// MaxPairsPerSecond is what a pod may compare, and what it is believed.
	MaxPairsPerSecond = 100
	// slack is how much earlier than it was taken a report may arrive, relative to the one before: a poll's time limit, generously.
	slack = 5 * time.Second
	// MaxSkew is how far a pod's clock may be ahead.
	MaxSkew = 5 * time.Minute
)

// Reason is why a report was dropped.
type Reason string

// The reasons.
const (
	// Accepted: it was not dropped.
	Accepted Reason = ""
	// Invalid: it is not a report, or its numbers cannot be.
	Invalid Reason = "Invalid"
	// WrongEpoch: it answers another question.
	WrongEpoch Reason = "WrongEpoch"
	// FromFuture: the pod's clock is ahead by more than MaxSkew.
	FromFuture Reason = "FromFuture"
	// Replay: a newer report of its instance was accepted before, or its instance was merged.
	Replay Reason = "Replay"
	// Backwards: its totals cannot have grown from those that were accepted before.
	Backwards Reason = "Backwards"
	// TooFast: it has more pairs than a pod can have compared in the time.
	TooFast Reason = "TooFast"
	// Full: there are as many instances, or as much evidence, as a ledger holds.
	Full Reason = "Full"
)

// words say the reasons to people.
var words = map[Reason]string{
	Invalid:    "it is not a report, or its numbers cannot be",
	WrongEpoch: "it answers another question",
	FromFuture: fmt.Sprintf("the clock that dated it is ahead by more than %v", MaxSkew),
	Replay:     "a newer report of its instance was accepted before",
	Backwards:  "its totals cannot have grown from those that were accepted before",
	TooFast:    "it has more pairs than can have been compared in the time",
	Full:       "the ledger has no room for it",
}

// Words say the reason to people; empty for Accepted.
func (r Reason) Words() string { return words[r] }

// reasons are all that are counted.
var reasons = []Reason{Invalid, WrongEpoch, FromFuture, Replay, Backwards, TooFast, Full}

// Take adds a pod's report. changed tells that the evidence has grown, so the ledger is worth keeping; drop is why the report was dropped,
// Accepted when it was not.
func (l *Ledger) Take(r Report, now time.Time) (changed bool, drop Reason) {
	changed, drop = l.try(r, now)
	if drop != Accepted {
		l.Drop(drop)
	}
	return changed, drop
}

// Refusal is why a report would be dropped now, Accepted when it would not be. It changes nothing.
func (l *Ledger) Refusal(r Report, now time.Time) Reason {
	trial := *l
	trial.Instances, trial.Merged = maps.Clone(l.Instances), slices.Clone(l.Merged)
	_, drop := trial.try(r, now)
	return drop
}

// try is Take without counting what is dropped.
func (l *Ledger) try(r Report, now time.Time) (changed bool, drop Reason) {
	if drop = l.admit(r, now); drop != Accepted {
		return false, drop
	}
	return l.put(r, now)
}

// admit judges a report against what was accepted before.
func (l *Ledger) admit(r Report, now time.Time) Reason {
	last, known := l.Instances[r.Instance]
	switch {
	case r.check() != nil:
		return Invalid
	case r.Epoch != l.Epoch || r.Stable != l.Stable || r.Candidate != l.Candidate:
		return WrongEpoch
	case r.Latency.Ratio() != l.Gone.Latency.Ratio():
		return Invalid
	case r.TakenAt.After(now.Add(MaxSkew)):
		return FromFuture
	case slices.Contains(l.Merged, r.Instance):
		return Replay
	case !known:
		return plausible(r.Pairs, now.Sub(l.Since))
	case r.Sequence <= last.Sequence:
		return Replay
	case r.grownFrom(last.Totals) != nil:
		return Backwards
	}
	return plausible(r.Pairs-last.Totals.Pairs, now.Sub(last.Seen))
}

// plausible bounds the pairs that one instance can have compared in a time, by the ledger's clock alone.
func plausible(pairs int64, in time.Duration) Reason {
	if float64(pairs) > MaxPairsPerSecond*(max(in, 0)+slack).Seconds() {
		return TooFast
	}
	return Accepted
}

// put replaces what is held of an instance.
func (l *Ledger) put(r Report, now time.Time) (changed bool, drop Reason) {
	before, known := l.before(r.Instance)
	if !known && r.Totals == before {
		// Who has counted nothing takes no room.
		return false, Accepted
	}
	grown, err := r.Latency.Since(before.Latency)
	if err != nil {
		return false, Backwards
	}
	next := &Instance{Sequence: r.Sequence, Seen: now.UTC(), Totals: r.Totals}
	next.bytes = size(*next)
	latency, err := l.Latency.Add(grown)
	if err != nil || l.Totals().Pairs+r.Pairs-before.Pairs > sequential.MaxRequests || !l.makeRoom(r.Instance, next.bytes, now) {
		return false, Full
	}
	l.Instances[r.Instance], l.Latency = next, latency
	return r.Totals != before, Accepted
}

// before gives what was last accepted from an instance, nothing counted when it is not known.
func (l *Ledger) before(name string) (totals Totals, known bool) {
	if last, known := l.Instances[name]; known {
		return last.Totals, true
	}
	// The ledger's own ratio is a good one.
	empty, _ := NewTotals(l.Gone.Latency.Ratio())
	return empty, false
}

// makeRoom merges instances that have long been silent, longest first, until an instance of so many bytes fits. ok is false when it cannot.
func (l *Ledger) makeRoom(name string, bytes int, now time.Time) (ok bool) {
	count := 1
	for other, i := range l.Instances {
		if other != name {
			count++
			bytes += i.bytes
		}
	}
	for count > MaxInstances || bytes > room {
		oldest := l.longestSilent(name)
		if oldest == "" || now.Sub(l.Instances[oldest].Seen) < idle || len(l.Merged) >= maxMerged {
			return false
		}
		count--
		bytes -= l.Instances[oldest].bytes
		l.merge(oldest)
	}
	return true
}

// longestSilent gives the instance that was seen longest ago, but for one; the first by name of several.
func (l *Ledger) longestSilent(but string) string {
	oldest := ""
	for _, name := range slices.Sorted(maps.Keys(l.Instances)) {
		if name != but && (oldest == "" || l.Instances[name].Seen.Before(l.Instances[oldest].Seen)) {
			oldest = name
		}
	}
	return oldest
}

// merge adds an instance to those that are gone; the sum of all stays the same, so it cannot fail.
func (l *Ledger) merge(name string) {
	if sum, err := l.Gone.Add(l.Instances[name].Totals); err == nil {
		l.Gone = sum
	}
	l.Merged = append(l.Merged, name)
	delete(l.Instances, name)
}
