package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// walk takes the candidate through the steps.
func (d *decision) walk(candidate fleet.Set) {
	steps := d.steps()
	at := d.position(steps)
	if at < 0 {
		d.begin(candidate, steps)
		return
	}
	record := d.plan.Record
	record.Step, record.Generation, record.Applied = at, d.document.Generation, d.recordedFor(candidate.Version)
	what := tell(candidate.Version, steps[at])
	if missing := d.confirmed(); len(missing) > 0 {
		d.stage(stageOf(steps, at), "%s; waiting for %s to confirm it", what, strings.Join(missing, ", "))
		return
	}
	if record.Applied.IsZero() || record.Applied.After(d.now) {
		record.Applied = d.now
	}
	if waiting := d.awaited(steps[at], record.Applied); waiting != "" {
		d.resize(candidate, d.facts.need(steps[at]))
		stage := stageOf(steps, at)
		if steps[at].Shadow > 0 && d.plan.Replay && d.facts.unusable() {
			stage = v1alpha1.ReasonReplayFailed
		}
		d.stage(stage, "%s%s", what, waiting)
		return
	}
	if need := d.facts.need(steps[at]); !candidate.Whole(need) {
		d.resize(candidate, need)
		d.stage(stageOf(steps, at), "%s; %d of %d pods are ready%s", what, candidate.Ready(), need, candidate.Because())
		return
	}
	if at+1 < len(steps) {
		if waiting := d.ready(candidate, steps[at+1]); waiting != "" {
			d.stage(stageOf(steps, at), "%s; %s", what, waiting)
			return
		}
		d.give(candidate.Version, steps, at+1)
		return
	}
	d.promote(candidate, "every stable pod passes all requests on to it")
}

// awaited says what a step that every stable pod applies still waits for; empty when nothing.
func (d *decision) awaited(step Step, applied time.Time) string {
	if step.Shadow > 0 && d.facts.outcome() != sequential.Promote {
		return "; " + d.facts.rule() + d.replayInstead()
	}
	if why := d.failing(); step.Weight > 0 && why != "" {
		d.recheck(judgeEvery)
		return "; " + why
	}
	if left := step.Hold - d.now.Sub(applied); left > 0 {
		d.recheck(left)
		return " until " + clock(applied.Add(step.Hold))
	}
	return ""
}

// begin gives a whole candidate the first step. One that is in no known step, because the spec was edited, begins again.
func (d *decision) begin(candidate fleet.Set, steps []Step) {
	first := d.first(steps)
	need := d.facts.need(steps[first])
	if steps[first].Shadow > 0 && d.replacing(candidate) {
		replaced := candidate
		if d.stable.Updating {
			replaced = d.stable
		}
		d.stage(v1alpha1.ReasonCandidateStarting, "pods of %s are being replaced by ones of the current spec; nothing is compared before all of them are%s",
			replaced.Version, replaced.Because())
		return
	}
	if d.facts.inPlace() && candidate.Size() > need && !d.retreat(candidate, need) {
		return
	}
	if d.facts.inPlace() && d.part(candidate.Version) > 0 && !d.places().Spare(candidate) {
		d.stage(v1alpha1.ReasonCandidateStarting, "%s", d.places().Unready(candidate))
		return
	}
	if waiting := d.ready(candidate, steps[first]); waiting != "" {
		d.stage(v1alpha1.ReasonCandidateStarting, "%s", waiting)
		return
	}
	if !candidate.Whole(need) {
		d.waitForCandidate(candidate, need)
		return
	}
	d.give(candidate.Version, steps, first)
}

// replacing says whether pods of an earlier spec are left, with which nothing can be compared. That is no fault of the candidate.
func (d *decision) replacing(candidate fleet.Set) bool {
	return d.stable.Updating || candidate.Updating
}

// first is the step that a candidate in no known step begins with. In place it is the one next below its share, because its pods are not
// the stable version's any more.
func (d *decision) first(steps []Step) int {
	first := start(steps)
	if d.facts.judged() && d.facts.outcome() != sequential.Promote {
		return first
	}
	if d.facts.inPlace() {
		for i, step := range steps {
			if step.Weight > 0 && step.Weight <= d.part(d.facts.Wanted) {
				first = i
			}
		}
	}
	return first
}

// ready says what the candidate lacks for a step; empty when nothing.
func (d *decision) ready(candidate fleet.Set, step Step) string {
	need := d.facts.need(step)
	waiting := d.resize(candidate, need)
	if waiting == "" && d.facts.inPlace() && (!candidate.Whole(need) || candidate.Endpoints < need) {
		waiting = fmt.Sprintf("%d of %d pods of %s are ready%s", min(candidate.Ready(), candidate.Endpoints), need, candidate.Version, candidate.Because())
	}
	return waiting
}

// start is the first step of the control document: a replay is over before.
func start(steps []Step) int {
	if steps[0].Replay {
		return 1
	}
	return 0
}

// give plans the step of the given index.
func (d *decision) give(version string, steps []Step, index int) {
	what := tell(version, steps[index])
	d.publish(d.documentFor(steps, index), fmt.Sprintf("step %d of %d: %s", index+1, len(steps), what))
	d.plan.Record.Step, d.plan.Record.Generation = index, d.document.Generation
	d.plan.Record.Applied = time.Time{}
	d.stage(stageOf(steps, index), "%s; waiting for the pods of %s to confirm it", what, d.plan.Stable)
}

// steps are those of the spec and the implied last one, in which the candidate takes everything.
func (d *decision) steps() []Step {
	steps := d.facts.Steps
	if d.facts.Command == Promote {
		steps = nil
	}
	if n := len(steps); n == 0 || steps[n-1].Weight < 100 {
		steps = append(append([]Step{}, steps...), Step{Weight: 100})
	}
	if d.facts.inPlace() {
		return d.facts.byPods(steps)
	}
	return steps
}

// documentFor is what the pods have to do in a step. The comparison of the first step goes on as long as the stable version answers
// requests.
func (d *decision) documentFor(steps []Step, index int) Document {
	var document Document
	if weight := steps[index].Weight; weight > 0 {
		document.Candidate = &Share{Version: d.facts.Wanted, Weight: weight}
	}
	if percent := steps[0].Shadow; percent > 0 && steps[index].Weight < 100 {
		document.Shadow = &Shadow{Version: d.facts.Wanted, Epoch: d.facts.Epoch, Percent: percent}
	}
	return document
}

// position is the index of the step that the control document carries; -1 when it carries none of them. The record tells steps
// of equal weight apart, but is believed only if it speaks of this very document.
func (d *decision) position(steps []Step) int {
	carries := func(i int) bool { return d.document.agrees(d.documentFor(steps, i)) }
	if r := d.facts.Record; r != nil && r.Version == d.facts.Wanted && r.Generation == d.document.Generation &&
		r.Step >= start(steps) && r.Step < len(steps) && carries(r.Step) {
		return r.Step
	}
	for i := start(steps); i < len(steps); i++ {
		if carries(i) {
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

func stageOf(steps []Step, index int) string {
	switch {
	case steps[index].Shadow > 0:
		return v1alpha1.ReasonShadowing
	case index == len(steps)-1 && steps[index].Hold == 0:
		return v1alpha1.ReasonPromoting
	}
	return v1alpha1.ReasonShifting
}

// tell says a step in words.
func tell(version string, step Step) string {
	if step.Shadow > 0 {
		return fmt.Sprintf("%s answers %d%% of the requests once more, in shadow", version, step.Shadow)
	}
	return fmt.Sprintf("%s takes %d%% of the requests", version, step.Weight)
}
