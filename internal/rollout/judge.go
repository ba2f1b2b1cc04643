package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// judged says whether the spec asks for a verdict before a candidate gets a share.
func (f Facts) judged() bool {
	return len(f.Steps) > 0 && (f.Steps[0].Shadow > 0 || f.Steps[0].Replay) && f.Command != Promote
}

// outcome is the verdict on the candidate; evidence that answers another question is none.
func (f Facts) outcome() sequential.Verdict {
	if f.Verdict.Epoch != f.Epoch || f.Verdict.Outcome == "" {
		return sequential.KeepCollecting
	}
	return f.Verdict.Outcome
}

// rule is the sentence that goes with the outcome.
func (f Facts) rule() string {
	if f.Verdict.Epoch != f.Epoch || f.Verdict.Rule == "" {
		return "no evidence yet"
	}
	return f.Verdict.Rule
}

// objection says why the candidate has to be given up, in the API's reason and in words; empty when it has not. It rests on nothing that
// a half-done rejection has changed already, so that a manager that is killed in between comes to the same.
func (d *decision) objection(candidate fleet.Set) (reason, why string) {
	f := d.facts
	switch {
	case f.Command == Pause:
		return "", ""
	case f.Command == Abort:
		return v1alpha1.ReasonAborted, "it was aborted"
	case f.judged() && f.outcome() == sequential.Reject:
		return d.blame(), f.rule()
	case d.failing() != "" && f.Failing.Kept && candidate.Sound() && candidate.Heard():
		return v1alpha1.ReasonForwardsFailed, d.failing()
	}
	if why = d.tooLate(candidate); why != "" {
		return d.blame(), why
	}
	return "", ""
}

// failing says what the forwarded requests show against the candidate; empty when nothing, or when the user wants it whatever it does. A pod that
// has failed is no reason: its version loses the share, and what that cost is forgotten.
func (d *decision) failing() string {
	if d.facts.Command == Promote {
		return ""
	}
	return d.facts.Failing.Why
}

// tooLate says what the candidate lacks at the deadline; empty when nothing, or when there is time left.
func (d *decision) tooLate(candidate fleet.Set) string {
	f, failure, silent := d.facts, candidate.Failure(), d.silent()
	switch {
	case silent && f.mute() != "":
		return f.mute()
	case !d.overdue():
		return ""
	case f.replayed() && f.outcome() != sequential.Promote && f.Replay.Message != "":
		return fmt.Sprintf("it could not be compared within %s: %s", span(f.Deadline), f.Replay.Message)
	case failure != "" && !d.fit(candidate):
		return fmt.Sprintf("it was not ready within %s: %s", span(f.Deadline), failure)
	case silent && !d.replacing(candidate):
		return fmt.Sprintf("there was no verdict within %s: %s", span(f.Deadline), f.rule())
	}
	return ""
}

// silent says whether the spec gives a candidate up that has no verdict.
func (d *decision) silent() bool {
	return d.facts.judged() && d.facts.Silence == SilenceReject && d.part(d.facts.Wanted) == 0 && d.facts.outcome() != sequential.Promote
}

// fit says whether the candidate is as it has to be: whole before anything is put to it, and sound from then on.
func (d *decision) fit(candidate fleet.Set) bool {
	if d.document.names(candidate.Version) {
		return candidate.Sound()
	}
	return candidate.Whole(d.facts.need(d.firstStep()))
}

// blame is the reason of a rejection: a candidate that had a share is rolled back.
func (d *decision) blame() string {
	r := d.facts.Record
	hadShare := r != nil && r.Version == d.facts.Wanted && r.Step >= 0 && (r.Step >= len(d.facts.Steps) || d.facts.Steps[r.Step].Shadow == 0)
	if hadShare || d.part(d.facts.Wanted) > 0 {
		return v1alpha1.ReasonRolledBack
	}
	return v1alpha1.ReasonRejected
}

// reject takes everything away from the candidate and has the rejection kept; the next look retires it.
func (d *decision) reject(version, reason, why string) {
	// In place the stable version lacks the pods that the candidate has; share and pods come back together.
	// One that fails its requests has no use of a share.
	atOnce := !d.facts.inPlace() || !d.facts.Sets.Of(version).Sound() || reason == v1alpha1.ReasonForwardsFailed
	if d.document.names(version) && atOnce {
		d.publish(Document{}, version+" is rejected")
	}
	d.plan.Rejection = &Rejection{Version: version, Reason: reason, Message: why}
	d.plan.Candidate, d.plan.Record = "", nil
	// What was refused is in no ledger: until the rejection is kept, its Job alone tells of it.
	d.plan.Replay = d.facts.unusable()
	d.stage(v1alpha1.ReasonDraining, "%s is rejected: %s", version, why)
	d.recheck(pollEvery)
}

// started is when the deadline of this rollout began to run.
func (d *decision) started() time.Time {
	r := d.facts.Record
	if r != nil && r.Version == d.facts.Wanted && !r.Started.IsZero() && !r.Started.After(d.now) {
		return r.Started
	}
	return d.now
}

// overdue says whether the deadline has passed. While it has not, it asks for a look when it does.
func (d *decision) overdue() bool {
	if d.facts.Deadline <= 0 {
		return false
	}
	left := d.facts.Deadline - d.now.Sub(d.started())
	if left > 0 {
		d.recheck(left)
	}
	return left <= 0
}

// span writes a duration without the zeros that mean nothing.
func span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
