package backend

import (
	"cmp"
	"fmt"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// How long the decisions of Next wait.
const (
	// lookAgain is the pace at which work under way is looked at besides the watches: progress, events, PyTorchJobs.
	lookAgain = 10 * time.Second
	// reportGrace is how long a finished Job's pod may stay unseen before its report counts as lost.
	reportGrace = time.Minute
	firstDelay  = 30 * time.Second
	maxDelay    = 30 * time.Minute
)

// Next says what to do about a piece of work.
type Next struct {
	// Start is the attempt to start now; nil when nothing is to be started.
	Start *resources.Attempt
	// Unbegun is true while the newest attempt has run no pod: where it would be built differently now, it may be replaced.
	Unbegun bool
	// Run is the newest attempt; nil when there is none.
	Run *Run
	// Errored is true when the newest attempt could not do the work; Message says why and when the next one follows. While an attempt is
	// under way, Message says how an earlier pod failed at the same work, if one did.
	Errored bool
	Message string
	// Wait is when to look again; 0 leaves it to the watches.
	Wait time.Duration
}

// Decide looks at the attempts at one piece of work. Attempts that could not do it are followed by others with exponentially growing
// delays, those that were interrupted after a short one; a report ends it. A new round starts over at once where the last attempt ended badly, and leaves alone what is under way.
func Decide(runs []Run, key v1alpha1.Digest, round string, now time.Time) Next {
	latest := latestOf(runs, key, round)
	if latest == nil {
		return Next{Start: &resources.Attempt{Round: round}}
	}
	next := Next{Run: latest}
	switch latest.State {
	case Waiting, Running:
		next.Wait, next.Unbegun = lookAgain, !latest.Begun
		next.Message = cmp.Or(latest.Message, lastFailure(runs, latest))
		return next
	case Unreported:
		if left := latest.FinishedAt.Add(reportGrace).Sub(now); left > 0 {
			next.Wait = left
			return next
		}
		latest.Message = "its report was lost"
	}
	bad := latest.State != Reported || latest.Report.Verdict != report.Passed
	switch {
	case bad && latest.Attempt.Round != round:
		next.Start = &resources.Attempt{Round: round}
	case latest.State != Reported:
		next.again(round, now)
	}
	return next
}

// again decides about the next attempt after one that could not do the work.
func (n *Next) again(round string, now time.Time) {
	n.Errored, n.Message = true, n.Run.Message
	following := resources.Attempt{Round: round, Number: n.Run.Attempt.Number + 1, Disruptions: n.Run.Attempt.Disruptions}
	pause := delay(n.Run.Attempt.Number)
	if n.Run.Disrupted {
		following.Number, following.Disruptions = n.Run.Attempt.Number, n.Run.Attempt.Disruptions+1
		// A pod that is evicted every time, for want of memory on its node, must not keep asking for GPUs.
		pause = delay(n.Run.Attempt.Disruptions)
	}
	due := n.Run.FinishedAt.Add(pause)
	if left := due.Sub(now); left > 0 {
		n.Wait = left
		n.Message += fmt.Sprintf("; attempt %d follows at %s UTC", following.Number+following.Disruptions+1, due.UTC().Format(time.TimeOnly))
		return
	}
	n.Start = &following
}

// Hitch is what a condition adds to the words about work under way, so that whoever looks between two attempts learns what keeps failing.
func (n Next) Hitch() string {
	if n.Errored || n.Message == "" {
		return ""
	}
	return "; an earlier try failed: " + n.Message
}

// lastFailure says how the attempt before the latest one failed.
func lastFailure(runs []Run, latest *Run) string {
	var last Run
	for _, r := range runs {
		if r.Key == latest.Key && r.Name != latest.Name && r.State == Errored && r.FinishedAt.After(last.FinishedAt) {
			last = r
		}
	}
	return last.Message
}

// latestOf gives the youngest attempt. Creation times have the resolution of a second; within one, the current round and the higher
// number are younger.
func latestOf(runs []Run, key v1alpha1.Digest, round string) *Run {
	var latest *Run
	for i := range runs {
		r := runs[i]
		if r.Key == key && (latest == nil || younger(&r, latest, round)) {
			latest = &r
		}
	}
	return latest
}

func younger(a, b *Run, round string) bool {
	switch {
	case a.Attempt.Round == b.Attempt.Round:
		return a.Attempt.Number+a.Attempt.Disruptions > b.Attempt.Number+b.Attempt.Disruptions
	case !a.CreatedAt.Equal(b.CreatedAt):
		return a.CreatedAt.After(b.CreatedAt)
	}
	return a.Attempt.Round == round
}

func delay(attempt int) time.Duration {
	d := firstDelay
	for range attempt {
		if d *= 2; d >= maxDelay {
			return maxDelay
		}
	}
	return d
}

// Superseded gives the Jobs under way that work at another input than key: what they would report is not asked for any more, and one
// that cannot start would wait for ever. An empty key supersedes them all.
func Superseded(runs []Run, key v1alpha1.Digest) []Run {
	var superseded []Run
	for _, r := range runs {
		if r.Key != key && (r.State == Waiting || r.State == Running) {
			superseded = append(superseded, r)
		}
	}
	return superseded
}
