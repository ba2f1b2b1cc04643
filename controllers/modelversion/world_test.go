package modelversion

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// world is everything that a decision sees, in memory, and the words that tell what happened.
type world struct {
	t        *testing.T
	now      time.Time
	versions []*v1alpha1.TryOnModelVersion
	seen     map[string]*Observed
	story    strings.Builder
}

func newWorld(t *testing.T) *world {
	return &world{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), seen: map[string]*Observed{}}
}

// version adds a version of two stages of the model tops; a test may change it, and its model, before it is added.
func (w *world) version(n int64, change func(v *v1alpha1.TryOnModelVersion)) *v1alpha1.TryOnModelVersion {
	v := &v1alpha1.TryOnModelVersion{}
	v.Namespace, v.CreationTimestamp = "shop", metav1.NewTime(w.now)
	v.Spec = v1alpha1.TryOnModelVersionSpec{
		Model: v1alpha1.ModelReference{Name: "tops"}, Version: n, Method: "two-stages", Backend: v1alpha1.BackendAuto,
		Dataset: v1alpha1.VersionDataset{Name: "ds-1", Digest: digest("data")}, Licenses: []string{"Apache-2.0"},
		Serving: v1alpha1.MethodServing{Stage: "student", Signature: "tryon/v1"},
		Stages: []v1alpha1.MethodStage{
			{Name: "teacher", Image: "trainer:1", Command: []string{"train"}},
			{Name: "student", Image: "trainer:1", Command: []string{"train"}, InitFrom: "teacher", FreezeFrom: []string{"teacher"}},
		},
		Evaluation: v1alpha1.EvaluationSpec{Gates: []v1alpha1.MetricGate{{Metric: v1alpha1.MetricGarmentSSIM, MinGain: ptr.To(v1alpha1.Decimal("0.15"))}}},
	}
	if change != nil {
		change(v)
	}
	v.Name = names.ModelVersion(v.Spec.Model.Name, n)
	v.OwnerReferences = []metav1.OwnerReference{{UID: types.UID("uid-of-" + v.Spec.Model.Name), Controller: ptr.To(true)}}
	w.versions = append(w.versions, v)
	w.seen[v.Name] = &Observed{Dataset: &v1alpha1.TryOnDatasetVersion{}, WorkerImage: "worker:1", RuntimeImage: "runtime:1"}
	return v
}

// step decides once for a version, carries out what was decided, and tells it.
func (w *world) step(v *v1alpha1.TryOnModelVersion) {
	w.t.Helper()
	seen := w.seen[v.Name]
	seen.Siblings = nil
	for _, other := range w.versions {
		if other.Name != v.Name {
			seen.Siblings = append(seen.Siblings, *other.DeepCopy())
		}
	}
	plan := decide(v, *seen, w.now)
	for _, run := range plan.Abandon {
		w.tell("  stops    %s", describe(run))
		seen.Runs = slices.DeleteFunc(seen.Runs, func(r backend.Run) bool { return r.Key == run.Key && r.Attempt == run.Attempt })
	}
	if s := plan.Start; s != nil {
		run := backend.Run{
			Kind: s.Backend, Work: s.Kind, Stage: s.Stage.Stage.Name, Key: s.Key, Attempt: s.Attempt, State: backend.Waiting, CreatedAt: w.now,
		}
		seen.Runs = append(seen.Runs, run)
		w.tell("  starts   %s", describe(run))
	}
	summarize(v, plan, nil)
	w.tell("  %-8s %s: %s", v.Name, plan.Reason, plan.Message)
	if plan.Progress != "" {
		w.tell("  progress %s", plan.Progress)
	}
}

func (w *world) tell(format string, args ...any) { fmt.Fprintf(&w.story, format+"\n", args...) }

func (w *world) say(words string) { w.tell("%s", words) }

func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	w.tell("%s passes", d)
}

func describe(r backend.Run) string {
	what := string(r.Work)
	if r.Stage != "" {
		what += " " + r.Stage
	}
	if r.Kind != "" {
		what += " as " + string(r.Kind)
	}
	return what + ", attempt " + r.Attempt.String()
}

// last is the newest run of a version.
func (w *world) last(v *v1alpha1.TryOnModelVersion) *backend.Run {
	w.t.Helper()
	runs := w.seen[v.Name].Runs
	if len(runs) == 0 {
		w.t.Fatalf("%s has no run", v.Name)
	}
	return &runs[len(runs)-1]
}

// reports lets the newest run end with a report.
func (w *world) reports(v *v1alpha1.TryOnModelVersion, kind report.Kind, verdict report.Verdict, summary any, message string) {
	w.t.Helper()
	run := w.last(v)
	envelope, err := report.New(kind, string(run.Key), verdict, summary)
	if err != nil {
		w.t.Fatal(err)
	}
	run.State, run.Report, run.Message, run.FinishedAt = backend.Reported, envelope, message, w.now
}

func (w *world) trained(v *v1alpha1.TryOnModelVersion, weights string) {
	w.t.Helper()
	w.reports(v, report.KindStage, report.Passed, report.StageSummary{Weights: string(digest(weights)), Steps: 10, Seconds: 60, GPUSeconds: 60}, "")
}

func (w *world) scored(v *v1alpha1.TryOnModelVersion, garmentSSIM float64) {
	w.t.Helper()
	w.reports(v, report.KindEvaluation, report.Passed, report.EvaluationSummary{
		Evaluator: string(digest("evaluator")), Golden: string(digest("golden")), Protocol: "unpaired-truth", Cases: 8,
		Scores: report.Scores{"garment-ssim": garmentSSIM},
		Baselines: map[string]report.Scores{
			"copy-person": {"garment-ssim": 0.3}, "paste-garment": {"garment-ssim": 0.41},
		},
	}, "")
}

func (w *world) published(v *v1alpha1.TryOnModelVersion) {
	w.t.Helper()
	w.reports(v, report.KindPublish, report.Passed, report.PublishSummary{Weights: string(digest("servable")), Bytes: 9, Files: 4, Height: 64, Width: 48}, "")
}

// errs lets the newest run give up.
func (w *world) errs(v *v1alpha1.TryOnModelVersion, message string) {
	w.t.Helper()
	run := w.last(v)
	run.State, run.Message, run.FinishedAt = backend.Errored, message, w.now
}

// compare holds the told story against the recorded one.
func (w *world) compare(name string) {
	w.t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(w.story.String()), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), w.story.String()); diff != "" {
		w.t.Errorf("the story differs (-want +got), run with -update to record it:\n%s", diff)
	}
}

func digest(word string) v1alpha1.Digest {
	return v1alpha1.Digest("sha256:" + (fmt.Sprintf("%x", word) + strings.Repeat("0", 64))[:64])
}
