package modelversion

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

func TestAVersionGoesThroughItsStagesToReady(t *testing.T) {
	w := newWorld(t)
	v := w.version(1, nil)
	w.say("The version is made.")
	w.step(v)
	w.say("The teacher's pod finds no node.")
	w.last(v).Trouble = podwatch.Trouble{Reason: v1alpha1.ReasonUnschedulable, Message: "Pod x finds no node: 0/1 nodes"}
	w.step(v)
	w.say("It runs.")
	w.last(v).Trouble, w.last(v).State = podwatch.Trouble{}, backend.Running
	w.step(v)
	w.say("It tells its progress.")
	w.last(v).Name = "current"
	w.seen[v.Name].Progress = map[string]*Progress{
		"earlier": {Step: 9, TotalSteps: 10, Phase: "Training"}, "current": {Step: 180, TotalSteps: 290, Phase: "Training"},
	}
	w.step(v)
	w.say("It is killed and runs again.")
	w.last(v).Message = "training container of pod x ended with code 143"
	w.step(v)
	w.say("The teacher is done.")
	w.trained(v, "teacher")
	w.seen[v.Name].Progress = nil
	w.step(v)
	w.say("The student is done.")
	w.trained(v, "student")
	w.step(v)
	w.say("The scores are there.")
	w.scored(v, 0.66)
	w.step(v)
	w.say("The weights are published.")
	w.published(v)
	w.step(v)
	w.say("Nothing happens any more.")
	w.step(v)
	w.compare("to-ready")
}

func TestAnotherModelsVersionTakesWhatTheFirstHasDone(t *testing.T) {
	w := newWorld(t)
	first := w.version(1, nil)
	w.say("The first model trains.")
	w.step(first)
	w.say("Another one, with another student, finds its teacher in training.")
	second := w.version(1, func(v *v1alpha1.TryOnModelVersion) {
		v.Spec.Model.Name = "blouses"
		v.Spec.Stages[1].Params = map[string]string{"steps": "40"}
	})
	w.step(second)
	w.say("The teacher is done.")
	w.trained(first, "teacher")
	w.step(first)
	w.step(second)
	w.say("A third asks for more memory for the same student, which finds no node.")
	third := w.version(1, func(v *v1alpha1.TryOnModelVersion) {
		v.Spec.Model.Name = "skirts"
		v.Spec.Stages[1].Resources = &v1alpha1.ResourceRequirements{}
	})
	w.step(third)
	w.say("The first one's student is done after all; the third stops its own.")
	w.trained(first, "student")
	w.step(first)
	w.step(third)
	w.compare("another-model")
}

func TestNobodyWaitsForAVersionThatCannotStart(t *testing.T) {
	w := newWorld(t)
	first := w.version(1, nil)
	w.step(first)
	w.say("Another model asks for the same in the same place.")
	second := w.version(1, func(v *v1alpha1.TryOnModelVersion) { v.Spec.Model.Name = "blouses" })
	w.step(second)
	w.say("The first one's pod finds no node.")
	w.last(first).Trouble = podwatch.Trouble{Reason: v1alpha1.ReasonUnschedulable, Message: "Pod x finds no node: 0/1 nodes"}
	w.step(first)
	w.step(second)
	w.say("A third meets the first as failed.")
	w.reports(first, report.KindStage, report.Failed, nil, "the loss is NaN")
	w.step(first)
	w.say("And the second as deleted.")
	second.DeletionTimestamp = ptr.To(metav1.NewTime(w.now))
	third := w.version(1, func(v *v1alpha1.TryOnModelVersion) { v.Spec.Model.Name = "skirts" })
	w.step(third)
	w.compare("cannot-start")
}

func TestASupersededVersionStopsAndItsSuccessorGoesOn(t *testing.T) {
	w := newWorld(t)
	first := w.version(1, nil)
	w.step(first)
	w.trained(first, "teacher")
	w.step(first)
	w.say("The first version's student trains when the spec asks for another one.")
	w.last(first).State = backend.Running
	w.step(first)
	second := w.version(2, func(v *v1alpha1.TryOnModelVersion) { v.Spec.Stages[1].Params = map[string]string{"steps": "40"} })
	w.step(second)
	w.step(first)
	w.say("A retry of the first asks in vain.")
	first.Annotations = map[string]string{names.RetryAnnotation: "please"}
	w.step(first)
	w.say("Only the number of evaluated cases differs in the third: it waits until the second has let go of the student.")
	w.last(second).State = backend.Running
	w.step(second)
	third := w.version(3, func(v *v1alpha1.TryOnModelVersion) {
		v.Spec.Stages[1].Params = map[string]string{"steps": "40"}
		v.Spec.Evaluation.MaxCases = 8
	})
	w.step(third)
	w.step(second)
	w.step(third)
	w.compare("superseded")
}

func TestWhatIsInUseOrHasAVerdictIsNotSuperseded(t *testing.T) {
	tests := map[string]struct {
		change func(w *world, v *v1alpha1.TryOnModelVersion)
		want   string
	}{
		"unfinished": {func(*world, *v1alpha1.TryOnModelVersion) {}, v1alpha1.ReasonSuperseded},
		"ready": {func(_ *world, v *v1alpha1.TryOnModelVersion) {
			v.Status.Weights = &v1alpha1.WeightsStatus{Digest: digest("servable")}
		}, v1alpha1.ReasonReady},
		"held": {func(w *world, v *v1alpha1.TryOnModelVersion) { w.seen[v.Name].Holders = []string{"storefront"} }, v1alpha1.ReasonTraining},
		"asked for by its number": {func(w *world, v *v1alpha1.TryOnModelVersion) {
			w.seen[v.Name].AskedForBy = []string{"storefront"}
		}, v1alpha1.ReasonTraining},
		"failed": {func(_ *world, v *v1alpha1.TryOnModelVersion) {
			v.Status.Stages = []v1alpha1.StageStatus{{Name: "teacher", State: v1alpha1.StageFailed, Message: "NaN"}}
		}, v1alpha1.ReasonTrainingFailed},
		"below its gate": {func(_ *world, v *v1alpha1.TryOnModelVersion) {
			v.Status.Stages = []v1alpha1.StageStatus{
				{Name: "teacher", State: v1alpha1.StageSucceeded}, {Name: "student", State: v1alpha1.StageSucceeded},
			}
			v.Status.Evaluation = &v1alpha1.EvaluationStatus{Scores: []v1alpha1.Score{{
				Metric: v1alpha1.MetricGarmentSSIM, Value: "0.1", CopyPerson: ptr.To[v1alpha1.Decimal]("0.3"), PasteGarment: ptr.To[v1alpha1.Decimal]("0.3"),
			}}}
		}, v1alpha1.ReasonGateFailed},
		"of an earlier model of the name": {func(_ *world, v *v1alpha1.TryOnModelVersion) { v.OwnerReferences[0].UID = "earlier" }, v1alpha1.ReasonTraining},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.version(1, nil)
			second := w.version(2, nil)
			test.change(w, first)
			w.seen[first.Name].Siblings = []v1alpha1.TryOnModelVersion{*second}
			if got := decide(first, *w.seen[first.Name], w.now); got.Reason != test.want {
				t.Errorf("%s: %s, want %s", got.Reason, got.Message, test.want)
			}
		})
	}
}

func TestErroredAttemptsAreFollowedByOthersUntilTheStageFails(t *testing.T) {
	w := newWorld(t)
	v := w.version(1, nil)
	w.step(v)
	for range maxStageAttempts {
		w.say("The attempt gives up.")
		w.errs(v, "the store does not answer")
		w.step(v)
		w.pass(5 * time.Minute)
		w.step(v)
	}
	w.say("Its Jobs are cleaned up.")
	w.seen[v.Name].Runs = nil
	w.step(v)
	w.say("Somebody asks for a retry.")
	v.Annotations = map[string]string{names.RetryAnnotation: "2026-11-22"}
	w.step(v)
	w.say("The same annotation asks for nothing more.")
	w.reports(v, report.KindStage, report.Failed, nil, "the loss is NaN")
	w.step(v)
	w.step(v)
	w.compare("failed-stage")
}

func TestInterruptedAttemptsDoNotFailTheStage(t *testing.T) {
	w := newWorld(t)
	v := w.version(1, nil)
	w.step(v)
	for range maxStageAttempts + 1 {
		w.say("The node is drained.")
		w.errs(v, "it was interrupted: one of its pods was deleted")
		w.last(v).Disrupted = true
		w.step(v)
		w.pass(10 * time.Minute)
		w.step(v)
	}
	w.compare("interrupted")
}

func TestAMissedGateIsFinalAndAnErroredEvaluationIsNot(t *testing.T) {
	w := newWorld(t)
	v := w.version(1, nil)
	w.step(v)
	w.trained(v, "teacher")
	w.step(v)
	w.trained(v, "student")
	w.step(v)
	w.say("The runtime crashes.")
	w.errs(v, "container runtime of pod x ended with code 2: no model")
	w.step(v)
	w.pass(time.Minute)
	w.step(v)
	w.say("The scores are there, and too low.")
	w.scored(v, 0.5)
	w.step(v)
	w.say("A retry changes nothing: the scores are what they are.")
	v.Annotations = map[string]string{names.RetryAnnotation: "please"}
	w.step(v)
	w.say("A version with a lower gate is ready without work but publishing.")
	second := w.version(2, func(v *v1alpha1.TryOnModelVersion) {
		v.Spec.Evaluation.Gates[0].MinGain = ptr.To(v1alpha1.Decimal("0.05"))
	})
	w.step(second)
	w.published(second)
	w.step(second)
	w.compare("gates")
}

func TestWorkWithoutAResultIsDoneAgainOnlyWhenAsked(t *testing.T) {
	w := newWorld(t)
	v := w.version(1, func(v *v1alpha1.TryOnModelVersion) {
		v.Spec.Evaluation.Gates = append(v.Spec.Evaluation.Gates, v1alpha1.MetricGate{Metric: v1alpha1.MetricPSNR, Min: ptr.To(v1alpha1.Decimal("20"))})
	})
	retry := func(value string) {
		w.say("Somebody asks for a retry.")
		v.Annotations = map[string]string{names.RetryAnnotation: value}
		w.step(v)
	}
	w.step(v)
	w.trained(v, "teacher")
	w.step(v)
	w.trained(v, "student")
	w.step(v)
	w.say("The evaluation says that it cannot be done, and its Job is cleaned up.")
	w.reports(v, report.KindEvaluation, report.Failed, nil, "the graph has no input person")
	w.step(v)
	w.seen[v.Name].Runs = nil
	w.step(v)
	retry("a")
	w.say("Its report makes no sense.")
	w.reports(v, report.KindEvaluation, report.Passed, report.EvaluationSummary{Cases: -1}, "")
	w.step(v)
	retry("b")
	w.say("A gate's metric is missing.")
	w.scored(v, 0.66)
	w.step(v)
	w.step(v)
	retry("c")
	w.say("It is there.")
	w.reports(v, report.KindEvaluation, report.Passed, report.EvaluationSummary{
		Evaluator: string(digest("evaluator")), Golden: string(digest("golden")), Protocol: "unpaired-truth", Cases: 8,
		Scores:    report.Scores{"garment-ssim": 0.66, "psnr": 25},
		Baselines: map[string]report.Scores{"copy-person": {"garment-ssim": 0.3}, "paste-garment": {"garment-ssim": 0.41}},
	}, "")
	w.step(v)
	w.say("The weights cannot be put together.")
	w.reports(v, report.KindPublish, report.Failed, nil, "the graph has an external file")
	w.step(v)
	w.seen[v.Name].Runs = nil
	w.step(v)
	retry("d")
	w.published(v)
	w.step(v)
	w.compare("no-result")
}

func TestAMissingBackendIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	v := w.version(1, func(v *v1alpha1.TryOnModelVersion) { v.Spec.Stages[1].Nodes = 2 })
	w.step(v)
	w.trained(v, "teacher")
	w.say("The student asks for two nodes.")
	w.step(v)
	w.say("The training-operator is installed.")
	w.seen[v.Name].ServesPyTorchJob = true
	w.step(v)
	w.compare("backend")
}

func TestDecisionsAreTheSameAfterTheStatusWasStored(t *testing.T) {
	w := newWorld(t)
	v := w.version(1, nil)
	w.step(v)
	w.trained(v, "teacher")
	w.step(v)
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	restored := &v1alpha1.TryOnModelVersion{}
	if err := json.Unmarshal(body, restored); err != nil {
		t.Fatal(err)
	}
	a, b := decide(v, *w.seen[v.Name], w.now), decide(restored, *w.seen[v.Name], w.now)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the plans differ:\n%s", diff)
	}
}

func TestAnEvaluationByAnEarlierReleaseIsStopped(t *testing.T) {
	w := newWorld(t)
	v := w.version(1, nil)
	w.step(v)
	w.trained(v, "teacher")
	w.step(v)
	w.trained(v, "student")
	w.step(v)
	w.last(v).Trouble = podwatch.Trouble{Reason: v1alpha1.ReasonImagePullFailed, Message: "no runtime:1"}
	stuck := *w.last(v)
	w.seen[v.Name].RuntimeImage = "runtime:2"
	plan := decide(v, *w.seen[v.Name], w.now)
	if len(plan.Abandon) != 1 || plan.Abandon[0].Key != stuck.Key {
		t.Errorf("stops %+v, want the evaluation that waits for its image", plan.Abandon)
	}
	if plan.Start == nil || plan.Start.Kind != resources.Evaluate || plan.Start.Key == stuck.Key {
		t.Errorf("starts %+v, want an evaluation by runtime:2", plan.Start)
	}
}
