package modelversion

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/status"
)

// train looks at the stages in their order and stops at the first one that has no weights.
func (d *decider) train() bool {
	for i := range d.version.Spec.Stages {
		if !d.stage(i) {
			return false
		}
	}
	return true
}

func (d *decider) stage(i int) bool {
	record := &d.plan.Record.Stages[i]
	if record.State == v1alpha1.StageSucceeded {
		return true
	}
	what := fmt.Sprintf("Stage %s (%d of %d)", record.Name, i+1, len(d.version.Spec.Stages))
	if record.State == v1alpha1.StageFailed {
		return d.stop(v1alpha1.ReasonTrainingFailed, what+" failed: "+record.Message)
	}
	in := resources.StageInput{
		Stage: d.version.Spec.Stages[i], Dataset: d.seen.Dataset.Spec,
		Init: d.parents(initOf(d.version.Spec.Stages[i])), Freeze: d.parents(d.version.Spec.Stages[i].FreezeFrom),
	}
	key := plan.StageKey(in.Stage, d.version.Spec.Dataset.Digest, in.Init, in.Freeze)
	if adopted := adopt(key, d.seen.Siblings); adopted != nil {
		adopted.Name = record.Name
		*record = *adopted
		return true
	}
	next := d.follow(key, func(r backend.Run) bool {
		_, err := readStage(record.Name, key, r.Report)
		return err == nil
	})
	if next.Run == nil {
		if other := trainedBy(d.version, i, key, d.seen.Siblings); other != "" {
			*record = v1alpha1.StageStatus{Name: record.Name, State: v1alpha1.StagePending, Message: "TryOnModelVersion " + other + " trains the same stage"}
			return d.stop(v1alpha1.ReasonTraining, what+" waits for "+other+", which trains the same")
		}
	}
	return d.proceed(record, next, in, key, what)
}

// proceed brings a stage's record up to what its newest attempt says.
func (d *decider) proceed(record *v1alpha1.StageStatus, next backend.Next, in resources.StageInput, key v1alpha1.Digest, what string) bool {
	d.plan.RecheckAfter = next.Wait
	switch {
	case passed(next):
		return d.finishStage(record, next.Run.Report, key, what)
	case refused(next):
		return d.failStage(record, key, what, cmp.Or(next.Run.Message, "its report says so"))
	case next.Errored && !next.Run.Disrupted && next.Run.Attempt.Number+1 >= maxStageAttempts:
		d.plan.RecheckAfter = 0
		return d.failStage(record, key, what, fmt.Sprintf("%d attempts could not train it; the last one: %s", maxStageAttempts, next.Run.Message))
	}
	start := Start{Kind: resources.Stage, Key: key, Stage: in}
	if next.Start == nil {
		start.Backend = next.Run.Kind
	} else {
		kind, err := backend.Choose(d.version.Spec.Backend, in.Stage, d.seen.ServesPyTorchJob)
		if err != nil {
			d.plan.RecheckAfter = recheckBackend
			*record = v1alpha1.StageStatus{Name: record.Name, State: v1alpha1.StagePending}
			return d.stop(v1alpha1.ReasonBackendUnavailable, err.Error())
		}
		start.Backend = kind
	}
	d.begin(next, start)
	*record = v1alpha1.StageStatus{Name: record.Name, State: v1alpha1.StagePending, Key: key, Message: next.Message}
	if next.Run != nil && next.Run.State == backend.Running {
		record.State = v1alpha1.StageRunning
		d.plan.Progress = renderProgress(record.Name, d.seen.Progress[next.Run.Name])
	}
	return d.stop(waitingReason(next, v1alpha1.ReasonTraining, v1alpha1.ReasonTraining), d.stageMessage(record, next, what))
}

func (d *decider) stageMessage(record *v1alpha1.StageStatus, next backend.Next, what string) string {
	switch {
	case next.Errored:
		return what + " is tried again: " + next.Message
	case next.Run != nil && next.Run.Trouble.Reason != "":
		record.Message = podwatch.Cut(next.Run.Trouble.Message)
		return what + " waits: " + next.Run.Trouble.Message
	case record.State == v1alpha1.StageRunning && next.Run.Message != "":
		return what + " trains again after: " + next.Run.Message
	case record.State == v1alpha1.StageRunning:
		return what + " trains"
	}
	return what + " starts"
}

func (d *decider) finishStage(record *v1alpha1.StageStatus, envelope report.Envelope, key v1alpha1.Digest, what string) bool {
	done, err := readStage(record.Name, key, envelope)
	if err != nil {
		return d.failStage(record, key, what, err.Error())
	}
	*record = done
	d.plan.RecheckAfter = 0
	return true
}

func (d *decider) failStage(record *v1alpha1.StageStatus, key v1alpha1.Digest, what, message string) bool {
	*record = v1alpha1.StageStatus{Name: record.Name, State: v1alpha1.StageFailed, Key: key, Message: podwatch.Cut(message)}
	return d.stop(v1alpha1.ReasonTrainingFailed, what+" failed: "+message)
}

func (d *decider) parents(stages []string) []plan.Parent {
	var parents []plan.Parent
	for _, name := range stages {
		parents = append(parents, plan.Parent{Stage: name, Weights: d.weightsOf(name)})
	}
	return parents
}

func initOf(s v1alpha1.MethodStage) []string {
	if s.InitFrom == "" {
		return nil
	}
	return []string{s.InitFrom}
}

// adopt finds a finished stage of the same key in another version; nil when there is none.
func adopt(key v1alpha1.Digest, siblings []v1alpha1.TryOnModelVersion) *v1alpha1.StageStatus {
	for i := range siblings {
		for _, s := range siblings[i].Status.Stages {
			if s.State != v1alpha1.StageSucceeded || s.Key != key || s.Weights == "" {
				continue
			}
			adopted := s.DeepCopy()
			adopted.Message = ""
			if adopted.ReusedFrom == "" {
				adopted.ReusedFrom = siblings[i].Name
			}
			return adopted
		}
	}
	return nil
}

// trainedBy names another version that has started to train the same key: its pod runs, or is about to and asks for the same
// resources in the same place, so that ours would start no sooner. One that cannot start is not waited for: what is in its way may
// not be in ours, and if it is, our own condition says so. A version that waits records no key, so no two wait for each other.
func trainedBy(version *v1alpha1.TryOnModelVersion, i int, key v1alpha1.Digest, siblings []v1alpha1.TryOnModelVersion) string {
	for n := range siblings {
		s := &siblings[n]
		if !s.DeletionTimestamp.IsZero() {
			continue
		}
		for _, stage := range s.Status.Stages {
			running := stage.State == v1alpha1.StageRunning
			waiting := stage.State == v1alpha1.StagePending && sameDemand(version, i, s, stage.Name) && !inTrouble(s)
			if stage.Key == key && (running || waiting) {
				return s.Name
			}
		}
	}
	return ""
}

// inTrouble tells whether a version says that it cannot go on by itself.
func inTrouble(version *v1alpha1.TryOnModelVersion) bool {
	ready := meta.FindStatusCondition(version.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && status.Bad(ready.Reason)
}

// sameDemand tells whether another version's stage asks the cluster for the same as stage i of this one.
func sameDemand(version *v1alpha1.TryOnModelVersion, i int, other *v1alpha1.TryOnModelVersion, stage string) bool {
	for _, s := range other.Spec.Stages {
		if s.Name == stage {
			return equality.Semantic.DeepEqual(s.Resources, version.Spec.Stages[i].Resources) &&
				equality.Semantic.DeepEqual(other.Spec.Placement, version.Spec.Placement) && other.Spec.Backend == version.Spec.Backend
		}
	}
	return false
}

// renderProgress writes a stage's progress for people, for example "pf-gen 62% 180/290 steps".
func renderProgress(stage string, p *Progress) string {
	switch {
	case p == nil:
		return stage
	case p.Phase == "Fetching":
		return stage + " fetching"
	case p.Phase == "Publishing":
		return stage + " publishing"
	case p.TotalSteps <= 0:
		return fmt.Sprintf("%s step %d", stage, p.Step)
	}
	share := float64(min(p.Step, p.TotalSteps)) / float64(p.TotalSteps)
	return fmt.Sprintf("%s %d%% %d/%d steps", stage, int(share*100), p.Step, p.TotalSteps)
}
