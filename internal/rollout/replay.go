package rollout

import (
	"fmt"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// askAgain is what a person can do about a replay that nothing follows by itself.
const askAgain = "for another replay change the annotation " + names.RetryAnnotation

// replayed says whether the spec asks for a replay before the candidate gets pods.
func (f Facts) replayed() bool {
	return len(f.Steps) > 0 && f.Steps[0].Replay && f.Command != Promote
}

// spent says whether a replay has said all that it can.
func (f Facts) spent() bool { return f.Replay.State == ReplayDone }

// unusable says whether what a replay said is refused for good.
func (f Facts) unusable() bool { return f.Replay.State == ReplayRefused }

// mute says why no verdict will come from the replay that the spec asks for; empty when one may.
func (f Facts) mute() string {
	switch {
	case !f.replayed():
		return ""
	case f.spent():
		return "the replay gave no verdict: " + f.rule()
	case f.unusable():
		return "it was compared in a Job, and " + f.Replay.Message
	}
	return ""
}

// replay has the candidate compared in a Job, and keeps from it what it has no verdict for. It is over with a verdict; a stable version that
// has been down for long ends it, too: then any version that starts is better.
func (d *decision) replay(candidate fleet.Set) (over bool) {
	f := d.facts
	if !f.replayed() || f.outcome() == sequential.Promote || d.abandoned() {
		return true
	}
	if !d.giveUp(fleet.Sets{candidate}) {
		return false
	}
	if d.document.names(candidate.Version) {
		d.clear("there is no verdict on " + candidate.Version)
	}
	d.dropForeign()
	d.confirmed()
	d.plan.Replay = !f.spent()
	d.overdue()
	what := fmt.Sprintf("known requests are put to %s and %s in a Job; ", candidate.Version, d.plan.Stable)
	switch {
	case f.Replay.State == ReplayFailed:
		d.stage(v1alpha1.ReasonReplayFailed, "%s could not be compared with %s in a Job: %s; %s serves on", candidate.Version, d.plan.Stable, f.Replay.Message, d.plan.Stable)
	case f.unusable():
		d.stage(v1alpha1.ReasonReplayFailed, "%s was compared with %s in a Job, and %s; %s; %s serves on", candidate.Version, d.plan.Stable, f.Replay.Message, askAgain, d.plan.Stable)
	case f.spent():
		d.stage(v1alpha1.ReasonReplaying, "the replay of %s is over without a verdict: %s; promote it with the annotation, ask for wider gates, or shadow it", candidate.Version, f.rule())
	case f.Replay.Message != "":
		d.stage(v1alpha1.ReasonReplaying, "%s%s", what, f.Replay.Message)
	default:
		d.stage(v1alpha1.ReasonReplaying, "%s%s", what, f.rule())
	}
	return false
}

// abandoned says whether no stable pod has been ready for so long that anything else is better.
func (d *decision) abandoned() bool {
	since, down := d.stable.Down()
	if !down {
		return false
	}
	left := takeOverAfter - d.now.Sub(since)
	if left > 0 {
		d.recheck(left)
	}
	return left <= 0
}

// replayInstead asks for a replay when shoppers have not given a verdict by the deadline, and says how it stands; empty when none is asked for.
// The shadow goes on.
func (d *decision) replayInstead() string {
	f := d.facts
	if f.Silence != SilenceReplay || !d.overdue() {
		return ""
	}
	d.plan.Replay = !f.spent()
	switch {
	case f.spent():
		return "; a replay gave no verdict either"
	case f.Replay.State == ReplayFailed:
		return "; a replay failed: " + f.Replay.Message
	case f.unusable():
		return fmt.Sprintf("; a replay was to decide, and %s; %s", f.Replay.Message, askAgain)
	case f.Replay.Message != "":
		return "; a replay is to decide: " + f.Replay.Message
	}
	return fmt.Sprintf("; there was no verdict within %s, a replay decides", span(f.Deadline))
}
