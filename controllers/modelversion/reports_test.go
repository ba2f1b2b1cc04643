package modelversion

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/task"
)

func TestReportsThatMakeNoSenseAreErrors(t *testing.T) {
	good := string(digest("x"))
	tests := map[string]func() error{
		"a stage without weights": func() error {
			_, err := readStage("s", "k", made(t, report.KindStage, report.StageSummary{}))
			return err
		},
		"a stage of negative length": func() error {
			_, err := readStage("s", "k", made(t, report.KindStage, report.StageSummary{Weights: good, Seconds: -1}))
			return err
		},
		"another kind of report": func() error {
			_, err := readStage("s", "k", made(t, report.KindPin, report.PinSummary{}))
			return err
		},
		"an evaluation without golden requests": func() error {
			_, err := readEvaluation("k", made(t, report.KindEvaluation, report.EvaluationSummary{Evaluator: good, Protocol: "paired"}))
			return err
		},
		"weights without a size": func() error {
			_, err := readWeights("k", made(t, report.KindPublish, report.PublishSummary{Weights: good}))
			return err
		},
		"an unknown field": func() error {
			e := made(t, report.KindStage, nil)
			e.Summary = json.RawMessage(`{"weights":"` + good + `","colour":"red"}`)
			_, err := readStage("s", "k", e)
			return err
		},
	}
	for name, read := range tests {
		t.Run(name, func(t *testing.T) {
			if err := read(); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func made(t *testing.T, kind report.Kind, summary any) report.Envelope {
	t.Helper()
	e, err := report.New(kind, "k", report.Passed, summary)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestScoresAreRecordedBesideTheirBaselinesAndMissingOnesLeftOut(t *testing.T) {
	got, err := readEvaluation("sha256:k", made(t, report.KindEvaluation, report.EvaluationSummary{
		Evaluator: string(digest("e")), Golden: string(digest("g")), Protocol: "paired", Cases: 4,
		Scores:    report.Scores{"ssim": 0.9, "psnr": 1e300, "unheard-of": 3},
		Baselines: map[string]report.Scores{"copy-person": {"ssim": 0.5}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []v1alpha1.Score{{Metric: v1alpha1.MetricSSIM, Value: "0.900000", CopyPerson: ptr.To(v1alpha1.Decimal("0.500000"))}}
	if diff := cmp.Diff(want, got.Scores); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	if decimal(report.Scores{"ssim": math.NaN()}, v1alpha1.MetricSSIM) != nil {
		t.Error("what is not a number was recorded")
	}
}

func TestHoldersAreThoseThatServeOrMoveToAVersion(t *testing.T) {
	deployment := func(name, stable, candidate string) v1alpha1.TryOnDeployment {
		d := v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: name}}
		d.Status.Stable = stable
		if candidate != "" {
			d.Status.Candidate = &v1alpha1.CandidateStatus{Version: candidate}
		}
		return d
	}
	all := []v1alpha1.TryOnDeployment{deployment("c", "tops-v1", "tops-v2"), deployment("b", "tops-v2", ""), deployment("a", "", "")}
	if diff := cmp.Diff([]string{"b", "c"}, holdersOf("tops-v2", all)); diff != "" {
		t.Errorf("holders (-want +got):\n%s", diff)
	}
	if got := holdersOf("tops-v3", all); got != nil {
		t.Errorf("nobody serves tops-v3, got %v", got)
	}
}

func TestWhatKeepsADecisionFromBeingCarriedOutIsTheReason(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"a foreign job":       {errors.Join(apply.ErrNotOwned), v1alpha1.ReasonNotOwned},
		"a store without key": {errors.Join(resources.ErrStore), v1alpha1.ReasonStoreUnavailable},
		"anything else":       {errors.New("timeout"), v1alpha1.ReasonReconcileError},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v := w.version(1, nil)
			plan := decide(v, *w.seen[v.Name], w.now)
			summarize(v, plan, test.err)
			for _, c := range v.Status.Conditions {
				if c.Type == v1alpha1.ConditionReady && (c.Reason != test.want || c.Status != metav1.ConditionFalse) {
					t.Errorf("Ready is %s, %s", c.Status, c.Reason)
				}
			}
			if len(v.Status.Conditions) != 4 || len(v.Status.Stages) != 2 {
				t.Errorf("the status is incomplete: %+v", v.Status)
			}
		})
	}
}

func TestEachPieceOfWorkBecomesItsObject(t *testing.T) {
	store, err := resources.ParseStore("pvc://tryon-artefacts")
	if err != nil {
		t.Fatal(err)
	}
	config := resources.Config{WorkerImage: "worker:1", RuntimeImage: "runtime:1", Store: store}
	w := newWorld(t)
	v := w.version(1, nil)
	seen := *w.seen[v.Name]
	seen.Dataset.Spec.Source.URI = "pvc://data/x"
	stage := resources.StageInput{Stage: v.Spec.Stages[0], Dataset: seen.Dataset.Spec}
	for name, test := range map[string]struct {
		start Start
		want  string
	}{
		"a stage":         {Start{Kind: resources.Stage, Key: digest("k"), Backend: v1alpha1.BackendJob, Stage: stage}, "*v1.Job tops-v1-teacher-6b000000"},
		"a PyTorch stage": {Start{Kind: resources.Stage, Key: digest("k"), Backend: v1alpha1.BackendPyTorchJob, Stage: stage}, "*v1.PyTorchJob tops-v1-teacher-6b000000"},
		"an evaluation":   {Start{Kind: resources.Evaluate, Key: digest("k"), Weights: digest("w")}, "*v1.Job tops-v1-evaluate-6b000000"},
		"a publishing":    {Start{Kind: resources.Publish, Key: digest("k")}, "*v1.Job tops-v1-publish-6b000000"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := makeWork(config, v, seen, test.start)
			if err != nil {
				t.Fatal(err)
			}
			if kind := fmt.Sprintf("%T", got) + " " + got.GetName(); kind != test.want {
				t.Errorf("got %s, want %s", kind, test.want)
			}
		})
	}
	seen.Dataset.Spec.Source.URI = "ftp://x/y"
	if _, err := makeWork(config, v, seen, Start{Kind: resources.Evaluate}); !errors.Is(err, resources.ErrStore) {
		t.Errorf("a source that nobody reads gave %v", err)
	}
}

func TestTheSamePublishKeyMeansTheSameContent(t *testing.T) {
	publish := func(model string, number int64) (v1alpha1.Digest, task.Publish) {
		d := decider{version: &v1alpha1.TryOnModelVersion{}}
		d.version.Spec.Model.Name, d.version.Spec.Version = model, number
		d.version.Spec.Method, d.version.Spec.Serving.Stage = "pf-afn", "student"
		d.plan.Record.Stages = []v1alpha1.StageStatus{{Name: "student", Key: "sha256:k", Weights: "sha256:w"}}
		d.plan.Record.Evaluation = &v1alpha1.EvaluationStatus{Key: "sha256:e", Golden: "sha256:g"}
		return plan.PublishKey(d.publishInput()), d.publishTask()
	}
	key, content := publish("tops", 3)
	sameKey, sameContent := publish("blouses", 7)
	if key != sameKey {
		t.Fatalf("keys %s and %s: the name of the model or the number of the version is part of them", key, sameKey)
	}
	if diff := cmp.Diff(content, sameContent); diff != "" {
		t.Errorf("one key, two contents (-tops +blouses):\n%s", diff)
	}
}
