package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// shift moves the requests from the stable version to the wanted one: capacity first, then step by step, then the selector.
func (d *decision) shift() {
	d.plan.Candidate = d.facts.Wanted
	candidate := d.facts.set(d.facts.Wanted)
	d.plan.Record = &Record{Version: candidate.Version, Step: -1}
	d.keep(candidate.Version, "it takes over from "+d.plan.Stable)

	share := d.share()
	switch {
	case share != nil && !candidate.sound():
		d.publish(nil, candidate.Version+" is not ready any more")
		d.waitForCandidate(candidate)
	case share == nil && !candidate.whole(d.facts.Replicas):
		d.dropForeignShare()
		d.waitForCandidate(candidate)
	case d.takeOver(candidate):
	case share == nil && candidate.Endpoints < d.facts.Replicas:
		d.dropForeignShare()
		d.stage(v1alpha1.ReasonCandidateStarting, "%s is ready; %d of %d endpoints of its Service are", candidate.Version, candidate.Endpoints, d.facts.Replicas)
	default:
		d.walk(candidate)
	}
}

// share is what the control document gives to the wanted version; nil when it gives it nothing.
func (d *decision) share() *Share {
	if c := d.document.Candidate; c != nil && c.Version == d.facts.Wanted {
		return c
	}
	return nil
}

// dropForeignShare takes away what the control document gives to a version that is gone. A share of the stable version itself is
// what the last rollout left, and means nothing.
func (d *decision) dropForeignShare() {
	if c := d.document.Candidate; c != nil && c.Version != d.facts.Wanted && c.Version != d.plan.Stable {
		d.publish(nil, c.Version+" is gone")
	}
}

// waitForCandidate says what the candidate lacks. That it gets nothing is pushed until every stable pod confirms it.
func (d *decision) waitForCandidate(candidate Set) {
	d.confirmed()
	counts := fmt.Sprintf("%d of %d pods of %s are ready", candidate.Ready(), d.facts.Replicas, candidate.Version)
	if failure := candidate.Failure(); failure != "" {
		d.stage(v1alpha1.ReasonCandidateFailed, "%s: %s; %s serves on", counts, failure, d.plan.Stable)
		return
	}
	d.stage(v1alpha1.ReasonCandidateStarting, "%s", counts)
}

// takeOver routes to a whole candidate at once when no stable pod has been ready for a while.
func (d *decision) takeOver(candidate Set) bool {
	since, down := d.stable.down()
	if !down {
		return false
	}
	if left := takeOverAfter - d.now.Sub(since); left > 0 {
		d.recheck(left)
		d.stage(v1alpha1.ReasonUnavailable, "no pod of %s is ready%s; %s takes over at %s",
			d.plan.Stable, because(d.stable.Failure()), candidate.Version, clock(since.Add(takeOverAfter)))
		return true
	}
	if !candidate.whole(d.facts.Replicas) {
		d.waitForCandidate(candidate)
		return true
	}
	d.promote(candidate, "no pod of "+d.plan.Stable+" is ready")
	return true
}

// walk takes the candidate through the steps.
func (d *decision) walk(candidate Set) {
	steps := withLast(d.facts.Steps)
	at := d.position(steps)
	if at < 0 {
		d.begin(candidate, steps)
		return
	}
	applied := d.recordedFor(candidate.Version)
	d.plan.Record = &Record{Version: candidate.Version, Step: at, Generation: d.document.Generation, Applied: applied}
	what := fmt.Sprintf("%s takes %d%% of the requests", candidate.Version, steps[at].Weight)
	if missing := d.confirmed(); len(missing) > 0 {
		d.stage(shiftStage(steps, at), "%s; waiting for %s to confirm it", what, strings.Join(missing, ", "))
		return
	}
	if applied.IsZero() || applied.After(d.now) {
		applied = d.now
		d.plan.Record.Applied = applied
	}
	if left := steps[at].Hold - d.now.Sub(applied); left > 0 {
		d.recheck(left)
		d.stage(shiftStage(steps, at), "%s until %s", what, clock(applied.Add(steps[at].Hold)))
		return
	}
	if !candidate.whole(d.facts.Replicas) {
		d.stage(shiftStage(steps, at), "%s; %d of %d pods are ready%s", what, candidate.Ready(), d.facts.Replicas, because(candidate.Failure()))
		return
	}
	if at+1 < len(steps) {
		d.give(candidate.Version, steps, at+1)
		return
	}
	d.promote(candidate, "every stable pod passes all requests on to it")
}

// begin gives a whole candidate the first step. One that has a share of no known step, because the steps were edited, begins again.
func (d *decision) begin(candidate Set, steps []Step) {
	if !candidate.whole(d.facts.Replicas) {
		d.waitForCandidate(candidate)
		return
	}
	d.give(candidate.Version, steps, 0)
}

// give plans the step of the given index.
func (d *decision) give(version string, steps []Step, index int) {
	weight := steps[index].Weight
	d.publish(&Share{Version: version, Weight: weight}, fmt.Sprintf("step %d of %d: %s gets %d%%", index+1, len(steps), version, weight))
	d.plan.Record = &Record{Version: version, Step: index, Generation: d.document.Generation}
	d.stage(shiftStage(steps, index), "%s takes %d%% of the requests; waiting for the pods of %s to confirm it", version, weight, d.plan.Stable)
}

// promote moves the Service's selector. The candidate carries the promised capacity at this point.
func (d *decision) promote(candidate Set, reason string) {
	for i := range d.plan.Intents {
		if d.plan.Intents[i].Verb == Route {
			d.plan.Intents[i] = Intent{Verb: Route, Version: candidate.Version, Reason: reason}
		}
	}
	d.stage(v1alpha1.ReasonPromoting, "%s takes over from %s", candidate.Version, d.plan.Stable)
	d.plan.Stable, d.plan.Candidate = candidate.Version, ""
	d.plan.Record = nil
	d.recheck(pollEvery)
}

// position is the index of the step that the control document carries; -1 when it carries none of them. The record tells steps
// of equal weight apart, but is believed only if it speaks of this very document.
func (d *decision) position(steps []Step) int {
	share := d.share()
	if share == nil {
		return -1
	}
	if r := d.facts.Record; r != nil && r.Version == share.Version && r.Generation == d.document.Generation &&
		r.Step >= 0 && r.Step < len(steps) && steps[r.Step].Weight == share.Weight {
		return r.Step
	}
	for i, s := range steps {
		if s.Weight == share.Weight {
			return i
		}
	}
	return -1
}

func (d *decision) recordedFor(version string) time.Time {
	if r := d.facts.Record; r != nil && r.Version == version && r.Generation == d.document.Generation {
		return r.Applied
	}
	return time.Time{}
}

// withLast adds the implied last step, in which the candidate takes everything.
func withLast(steps []Step) []Step {
	if n := len(steps); n > 0 && steps[n-1].Weight >= 100 {
		return steps
	}
	return append(append([]Step{}, steps...), Step{Weight: 100})
}

func shiftStage(steps []Step, index int) string {
	if index == len(steps)-1 && steps[index].Hold == 0 {
		return v1alpha1.ReasonPromoting
	}
	return v1alpha1.ReasonShifting
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }
