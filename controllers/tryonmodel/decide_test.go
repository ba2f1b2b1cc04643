package tryonmodel

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

var content = "sha256:" + strings.Repeat("d", 64)

// world is a model with what a decision about it sees; each step below makes one more thing true.
type world struct {
	model *v1alpha1.TryOnModel
	seen  Observed
}

func newWorld() *world {
	w := &world{model: &v1alpha1.TryOnModel{}, seen: Observed{TrainerImage: "trainer:1"}}
	w.model.Name, w.model.Namespace, w.model.UID = "tops", "shop", types.UID("uid-of-tops")
	w.model.Spec.Method.Name = "one-stage"
	w.model.Spec.Dataset = v1alpha1.DatasetSpec{Source: v1alpha1.BlobSource{URI: "pvc://data/a"}, Layout: v1alpha1.LayoutVITONHD, License: "MIT"}
	w.seen.Method = &v1alpha1.TryOnMethod{Spec: v1alpha1.TryOnMethodSpec{
		License: "Apache-2.0", Serving: v1alpha1.MethodServing{Stage: "only", Signature: "tryon/v1"},
		Stages: []v1alpha1.MethodStage{{Name: "only", Image: "trainer", Command: []string{"train"}}},
	}}
	w.seen.Method.Name = "one-stage"
	return w
}

func (w *world) key() v1alpha1.Digest {
	return plan.PinKey(w.model.Spec.Dataset, resources.Round(w.model.Annotations[names.RetryAnnotation]))
}

func (w *world) pinned() *world {
	w.model.Status.Pin = &v1alpha1.PinStatus{Key: w.key(), Digest: v1alpha1.Digest(content)}
	return w
}

// recorded adds the dataset version as the plan wants it, with a verdict.
func (w *world) recorded(verdict v1alpha1.DataTestVerdict) *world {
	d := plan.Dataset(w.model, *w.model.Status.Pin)
	d.OwnerReferences = []metav1.OwnerReference{{UID: w.model.UID}}
	if verdict != "" {
		d.Status.Tests = &v1alpha1.DataTestsStatus{Verdict: verdict}
	}
	if verdict == v1alpha1.DataTestsVerdictFailed {
		d.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonDataTestsFailed, Message: "leak"}}
	}
	w.seen.Datasets = []v1alpha1.TryOnDatasetVersion{*d}
	return w
}

// version adds a version of the current plan.
func (w *world) version(n int64, status metav1.ConditionStatus, reason, message string) *world {
	spec, err := plan.Version(w.model, w.seen.Method, &w.seen.Datasets[0], "trainer:1")
	if err != nil {
		panic(err)
	}
	spec.Version = n
	v := v1alpha1.TryOnModelVersion{Spec: spec}
	v.Name = names.ModelVersion("tops", n)
	v.Status.Score, v.Status.Progress = "garment-ssim 0.66 (+0.25)", "only 62% 180/290 steps"
	v.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message}}
	w.seen.Versions = append(w.seen.Versions, v)
	w.seen.HighestNumber = max(w.seen.HighestNumber, n)
	return w
}

func (w *world) run(state backend.State, change func(r *backend.Run)) *world {
	r := backend.Run{Key: w.key(), State: state, FinishedAt: noon}
	if change != nil {
		change(&r)
	}
	w.seen.Runs = []backend.Run{r}
	return w
}

func pinReport(verdict report.Verdict, message, digest string) func(r *backend.Run) {
	return func(r *backend.Run) {
		r.Report, _ = report.New(report.KindPin, string(r.Key), verdict, report.PinSummary{Digest: digest, Files: 8})
		r.Report.Message = message
	}
}

// told is what a test compares of a plan: reason, message, and what is written.
func told(p Plan) []string {
	out := []string{p.Reason, p.Message}
	if p.StartPin != nil {
		out = append(out, "start pin "+p.StartPin.String())
	}
	if p.Dataset != nil {
		out = append(out, "write dataset")
	}
	if p.Version != nil {
		out = append(out, "write version "+p.Version.Name)
	}
	return out
}

func TestAModelWaitsForExactlyWhatComesNext(t *testing.T) {
	passed, failed := v1alpha1.DataTestsVerdictPassed, v1alpha1.DataTestsVerdictFailed
	name := newWorld().pinned().recorded("").seen.Datasets[0].Name
	tests := map[string]struct {
		world *world
		want  []string
	}{
		"no method": {
			func() *world { w := newWorld(); w.seen.Method = nil; return w }(),
			[]string{v1alpha1.ReasonMethodNotFound, `There is no TryOnMethod "one-stage"; kubectl get tomethod lists those that there are`},
		},
		"an override of no stage": {
			func() *world {
				w := newWorld()
				w.model.Spec.Training.Stages = []v1alpha1.StageOverride{{Name: "other"}}
				return w
			}(),
			[]string{v1alpha1.ReasonStageNotFound, `stage not found: training.stages names "other", but the method has only`},
		},
		"nothing yet":  {newWorld(), []string{v1alpha1.ReasonPinning, "The dataset's digest is computed", "start pin 0"}},
		"the pin runs": {newWorld().run(backend.Running, nil), []string{v1alpha1.ReasonPinning, "The dataset's digest is computed"}},
		"a pod of the pin failed and another runs": {
			newWorld().run(backend.Running, func(r *backend.Run) { r.Message = "no files yet" }),
			[]string{v1alpha1.ReasonPinning, "The dataset's digest is computed; an earlier try failed: no files yet"},
		},
		"the pin errors": {newWorld().run(backend.Errored, func(r *backend.Run) { r.Message = "no bucket" }), []string{v1alpha1.ReasonPinFailed, "The dataset pvc://data/a could not be read: no bucket; attempt 2 follows at 12:00:30 UTC"}},
		"the claim is missing": {
			newWorld().run(backend.Waiting, func(r *backend.Run) {
				r.Trouble = podwatch.Trouble{Reason: v1alpha1.ReasonUnschedulable, Message: "no claim"}
			}),
			[]string{v1alpha1.ReasonUnschedulable, "no claim"},
		},
		"another content than asked for": {
			newWorld().run(backend.Reported, pinReport(report.Failed, "the digest is another", content)),
			[]string{v1alpha1.ReasonPinFailed, "The dataset cannot be used: the digest is another"},
		},
		"a pin report without digest": {
			newWorld().run(backend.Reported, pinReport(report.Passed, "", "md5")),
			[]string{v1alpha1.ReasonPinFailed, `The dataset cannot be used: the pin report makes no sense: digest "md5"`},
		},
		"the digest is known": {
			newWorld().run(backend.Reported, pinReport(report.Passed, "", content)),
			[]string{v1alpha1.ReasonDataTesting, "TryOnDatasetVersion " + name + " is recorded", "write dataset"},
		},
		"the tests run":  {newWorld().pinned().recorded(""), []string{v1alpha1.ReasonDataTesting, name + " has begun"}},
		"the tests fail": {newWorld().pinned().recorded(failed), []string{v1alpha1.ReasonDataTestsFailed, name + ": leak"}},
		"the tests pass": {newWorld().pinned().recorded(passed), []string{v1alpha1.ReasonPending, "TryOnModelVersion tops-v1 is recorded", "write version tops-v1"}},
		"the version trains": {
			newWorld().pinned().recorded(passed).version(1, metav1.ConditionFalse, v1alpha1.ReasonTraining, "Stage only (1 of 1) trains"),
			[]string{v1alpha1.ReasonTraining, "tops-v1: Stage only (1 of 1) trains"},
		},
		"the version is ready": {
			newWorld().pinned().recorded(passed).version(1, metav1.ConditionTrue, v1alpha1.ReasonReady, ""),
			[]string{v1alpha1.ReasonReady, "TryOnModelVersion tops-v1 passed: garment-ssim 0.66 (+0.25)"},
		},
		"another plan makes the next version": {
			func() *world {
				w := newWorld().pinned().recorded(passed).version(4, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
				w.model.Spec.Evaluation.MaxCases = 8
				return w
			}(),
			[]string{v1alpha1.ReasonPending, "TryOnModelVersion tops-v5 is recorded", "write version tops-v5"},
		},
		"the number of a deleted version is not given again": {
			func() *world {
				w := newWorld().pinned().recorded(passed)
				w.model.Status.LatestVersion = "tops-v7"
				return w
			}(),
			[]string{v1alpha1.ReasonPending, "TryOnModelVersion tops-v8 is recorded", "write version tops-v8"},
		},
		"a version of an earlier model of the name keeps its number": {
			func() *world { w := newWorld().pinned().recorded(passed); w.seen.HighestNumber = 3; return w }(),
			[]string{v1alpha1.ReasonPending, "TryOnModelVersion tops-v4 is recorded", "write version tops-v4"},
		},
		"a retry pins again": {
			func() *world {
				w := newWorld().pinned()
				w.model.Annotations = map[string]string{names.RetryAnnotation: "now"}
				return w
			}(),
			[]string{v1alpha1.ReasonPinning, "The dataset's digest is computed", "start pin 0"},
		},
		"a record that others made is shared": {
			func() *world {
				w := newWorld().pinned().recorded(passed)
				w.seen.Datasets[0].OwnerReferences = []metav1.OwnerReference{{UID: "another"}}
				return w
			}(),
			[]string{v1alpha1.ReasonPending, "TryOnModelVersion tops-v1 is recorded", "write dataset", "write version tops-v1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, told(decide(test.world.model, test.world.seen, noon))); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestADatasetOfNoUseIsNotReadAgainUntilSomebodyAsks(t *testing.T) {
	for name, report := range map[string]func(r *backend.Run){
		"a failed verdict":       pinReport(report.Failed, "the digest is another", content),
		"a report of no meaning": pinReport(report.Passed, "", "md5"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld().run(backend.Reported, report)
			summarize(w.model, decide(w.model, w.seen, noon), nil, nil)
			w.seen.Runs = nil // The Job's days are over.
			if got := decide(w.model, w.seen, noon); got.Reason != v1alpha1.ReasonPinFailed || got.StartPin != nil {
				t.Errorf("%s: %s; starts %v", got.Reason, got.Message, got.StartPin)
			}
			w.model.Annotations = map[string]string{names.RetryAnnotation: "now"}
			if got := decide(w.model, w.seen, noon); got.StartPin == nil {
				t.Errorf("nothing follows the retry annotation: %s: %s", got.Reason, got.Message)
			}
		})
	}
}

func TestASharedRecordKeepsItsOwnersAndItsSpec(t *testing.T) {
	w := newWorld().pinned().recorded("")
	w.seen.Datasets[0].OwnerReferences = []metav1.OwnerReference{{UID: "another", Name: "blouses"}}
	w.seen.Datasets[0].Spec.Source.URI = "pvc://theirs/a"
	got := decide(w.model, w.seen, noon).Dataset
	if got == nil || len(got.OwnerReferences) != 2 || got.OwnerReferences[1].UID != w.model.UID {
		t.Fatalf("the record to write is %+v", got)
	}
	if got.OwnerReferences[1].Controller != nil || got.Spec.Source.URI != "pvc://theirs/a" {
		t.Errorf("the record was taken over: %+v", got)
	}
}

func TestTheStatusTellsTheStoryOfTheModel(t *testing.T) {
	w := newWorld().pinned().recorded(v1alpha1.DataTestsVerdictPassed).
		version(1, metav1.ConditionTrue, v1alpha1.ReasonReady, "").
		version(2, metav1.ConditionFalse, v1alpha1.ReasonTraining, "Stage only (1 of 1) trains")
	summarize(w.model, decide(w.model, w.seen, noon), w.seen.Versions, nil)
	s := w.model.Status
	got := []string{s.LatestVersion, s.ReadyVersion, s.Score, s.Progress}
	if diff := cmp.Diff([]string{"tops-v2", "tops-v1", "garment-ssim 0.66 (+0.25)", "only 62% 180/290 steps"}, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	want := map[string]string{
		v1alpha1.ConditionDatasetPinned: v1alpha1.ReasonPinned, v1alpha1.ConditionDataTestsPassed: v1alpha1.ReasonDataTestsPassed,
		v1alpha1.ConditionVersionReady: v1alpha1.ReasonTraining, v1alpha1.ConditionReady: v1alpha1.ReasonTraining,
	}
	for condition, reason := range want {
		if c := meta.FindStatusCondition(s.Conditions, condition); c == nil || c.Reason != reason {
			t.Errorf("%s is %+v, want reason %s", condition, c, reason)
		}
	}
}

func TestVersionNumbersAreReadFromNames(t *testing.T) {
	for name, want := range map[string]int64{"tops-v7": 7, "tops-v": 0, "": 0, "blouses-v7": 0, "tops-v-3": 0, "tops-vx": 0} {
		if got := numberOf(name, "tops"); got != want {
			t.Errorf("%q is number %d, want %d", name, got, want)
		}
	}
}

func TestPinsOfAnotherSourceAreStopped(t *testing.T) {
	stopped := func(w *world) (names []string) {
		for _, r := range decide(w.model, w.seen, noon).Abandon {
			names = append(names, r.Name)
		}
		return names
	}
	old := backend.Run{Name: "old", Key: "sha256:old", State: backend.Waiting}
	pinning := newWorld().run(backend.Running, nil)
	pinning.seen.Runs = append(pinning.seen.Runs, old)
	if diff := cmp.Diff([]string{"old"}, stopped(pinning)); diff != "" {
		t.Errorf("while the new source is pinned (-want +got):\n%s", diff)
	}
	pinned := newWorld().pinned()
	pinned.seen.Runs = []backend.Run{old}
	if diff := cmp.Diff([]string{"old"}, stopped(pinned)); diff != "" {
		t.Errorf("when the source is pinned already (-want +got):\n%s", diff)
	}
}

func TestAReadyVersionDoesNotBearTheWordsOfAnError(t *testing.T) {
	w := newWorld().pinned().recorded(v1alpha1.DataTestsVerdictPassed).version(1, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	summarize(w.model, decide(w.model, w.seen, noon), w.seen.Versions, errors.New("connection refused"))
	c := meta.FindStatusCondition(w.model.Status.Conditions, v1alpha1.ConditionVersionReady)
	if c == nil || c.Status != metav1.ConditionTrue || strings.Contains(c.Message, "refused") {
		t.Errorf("VersionReady is %+v", c)
	}
	if ready := meta.FindStatusCondition(w.model.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Reason != v1alpha1.ReasonReconcileError {
		t.Errorf("Ready is %+v", ready)
	}
}

func TestAnotherTrainerImageMakesNoVersionUntilTheSpecChanges(t *testing.T) {
	w := newWorld().pinned().recorded(v1alpha1.DataTestsVerdictPassed)
	made := decide(w.model, w.seen, noon).Version
	if made == nil {
		t.Fatal("no version is made")
	}
	w.seen.Versions, w.seen.HighestNumber = []v1alpha1.TryOnModelVersion{*made}, made.Spec.Version
	w.seen.TrainerImage = "trainer:2"
	if got := decide(w.model, w.seen, noon); got.Version != nil || got.Current == nil {
		t.Errorf("an upgrade alone: %s: %s", got.Reason, got.Message)
	}
	w.model.Spec.Evaluation.MaxCases = 8
	got := decide(w.model, w.seen, noon).Version
	if got == nil || got.Name != "tops-v2" || got.Spec.Stages[0].Image != "trainer:2" {
		t.Errorf("after a change of the spec: %+v", got)
	}
}
