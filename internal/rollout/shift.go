package rollout

import (
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// takeOverAfter is how long no stable pod is ready before a candidate takes over without steps.
const takeOverAfter = time.Minute

// shift moves the requests from the stable version to the wanted one: capacity first, then step by step, then the selector.
func (d *decision) shift() {
	d.plan.Candidate = d.facts.Wanted
	candidate := d.facts.Sets.Of(d.facts.Wanted)
	candidate.Version = d.facts.Wanted
	if reason, why := d.objection(candidate); reason != "" {
		d.reject(candidate.Version, reason, why)
		return
	}
	if d.facts.Command == Pause {
		d.pause(candidate)
		return
	}
	d.plan.Record = &Record{Version: candidate.Version, Started: d.started(), Step: -1}
	if replicas := d.candidateSize(candidate); replicas > 0 {
		d.keep(candidate.Version, replicas, "it takes over from "+d.plan.Stable)
	}
	if d.replay(candidate) {
		d.try(candidate)
	}
}

// candidateSize is how many pods the candidate has when nothing else is decided: in place those that it has, else all; none are started
// as long as a replay is to tell whether it is worth them.
func (d *decision) candidateSize(candidate fleet.Set) int32 {
	f := d.facts
	waits := f.replayed() && f.outcome() != sequential.Promote && !d.abandoned()
	if f.inPlace() || (waits && !candidate.Deployed) {
		return candidate.Size()
	}
	return f.Replicas
}

// try gives a candidate that is ready what its steps say.
func (d *decision) try(candidate fleet.Set) {
	first := d.facts.need(d.firstStep())
	active := d.document.names(candidate.Version)
	switch {
	case active && !candidate.Sound():
		d.clear(candidate.Version + " is not ready any more")
		d.resize(candidate, first)
		d.waitForCandidate(candidate, first)
	case !active && !candidate.Whole(first):
		d.dropForeign()
		if waiting := d.resize(candidate, first); waiting != "" && candidate.Failure() == "" {
			d.stage(v1alpha1.ReasonCandidateStarting, "%s", waiting)
			return
		}
		d.waitForCandidate(candidate, first)
	case d.takeOver(candidate, first):
	case !active && candidate.Endpoints < first:
		d.dropForeign()
		d.stage(v1alpha1.ReasonCandidateStarting, "%s is ready; %d of %d endpoints of its Service are", candidate.Version, candidate.Endpoints, first)
	default:
		d.walk(candidate)
	}
}

// firstStep is the first in which anything is put to the candidate's pods.
func (d *decision) firstStep() Step {
	steps := d.steps()
	return steps[start(steps)]
}

// dropForeign takes away what the control document gives to a version that is gone. A share of the stable version itself is
// what the last rollout left, and means nothing.
func (d *decision) dropForeign() {
	if !d.document.names(d.facts.Wanted) && !d.document.names(d.plan.Stable) {
		d.clear(d.document.version() + " is gone")
	}
}

// pause leaves everything as it is, but for a share of a version that has failed. Hold and deadline begin anew when it ends.
func (d *decision) pause(candidate fleet.Set) {
	if replicas := d.candidateSize(candidate); candidate.Deployed {
		d.keep(candidate.Version, replicas, "its rollout is paused")
	}
	if r := d.facts.Record; r != nil && r.Version == candidate.Version {
		d.plan.Record = &Record{Version: r.Version, Step: r.Step, Generation: r.Generation}
	}
	// A replay that cannot be is no reason to have one where no step asks for it.
	d.plan.Replay = d.facts.Replay.State == ReplayRunning || d.facts.unusable() || (d.facts.Replay.State == ReplayFailed && d.facts.replayed())
	d.dropForeign()
	if d.document.names(candidate.Version) && !candidate.Sound() {
		d.clear(candidate.Version + " is not ready any more")
	}
	d.confirmed()
	weight, shadow := d.document.given(candidate.Version)
	switch {
	case weight > 0:
		d.stage(v1alpha1.ReasonPaused, "%s keeps its %d%% of the requests", candidate.Version, weight)
	case shadow > 0:
		d.stage(v1alpha1.ReasonPaused, "%s goes on to answer %d%% of the requests in shadow", candidate.Version, shadow)
	default:
		d.stage(v1alpha1.ReasonPaused, "%s gets no requests%s", candidate.Version, candidate.Because())
	}
}

// waitForCandidate says what the candidate lacks. That it gets nothing is pushed until every stable pod confirms it.
func (d *decision) waitForCandidate(candidate fleet.Set, need int32) {
	d.confirmed()
	failure := candidate.Failure()
	if failure == "" {
		d.stage(v1alpha1.ReasonCandidateStarting, "%d of %d pods of %s are ready", candidate.Ready(), need, candidate.Version)
		return
	}
	if candidate.Homeless() {
		failure += "; " + d.facts.noRoom()
	}
	d.stage(v1alpha1.ReasonCandidateFailed, "%d of %d pods of %s are ready: %s; %s serves on",
		candidate.Ready(), need, candidate.Version, failure, d.plan.Stable)
}

// noRoom says what helps when a pod of the candidate finds no node.
func (f Facts) noRoom() string {
	const beside = "surge is impossible here: the new version starts beside the one that serves, and there is no room for both; "
	switch {
	case f.inPlace():
		return "a pod of the stable version made room, and the new version's does not fit there: add a node, or lower the resources of the runtime"
	case f.Replicas >= 2:
		return beside + "rollout.strategy: InPlace would work, it replaces one pod at a time; or add a node"
	}
	return beside + "rollout.strategy: InPlace would work with replicas: 2 or more, it replaces one pod at a time; or add a node"
}

// takeOver routes to a whole candidate at once when no stable pod has been ready for a while.
func (d *decision) takeOver(candidate fleet.Set, need int32) bool {
	since, down := d.stable.Down()
	if !down {
		return false
	}
	if left := takeOverAfter - d.now.Sub(since); left > 0 {
		d.recheck(left)
		d.stage(v1alpha1.ReasonUnavailable, "no pod of %s is ready%s; %s takes over at %s",
			d.plan.Stable, d.stable.Because(), candidate.Version, clock(since.Add(takeOverAfter)))
		return true
	}
	if !candidate.Whole(need) {
		d.waitForCandidate(candidate, need)
		return true
	}
	d.promote(candidate, "no pod of "+d.plan.Stable+" is ready")
	return true
}

// promote moves the Service's selector. The candidate carries the promised capacity at this point.
func (d *decision) promote(candidate fleet.Set, reason string) {
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
