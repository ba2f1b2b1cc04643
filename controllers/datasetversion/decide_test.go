package datasetversion

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func reported(t *testing.T, verdict report.Verdict, summary any) report.Envelope {
	t.Helper()
	e, err := report.New(report.KindDataTests, "k", verdict, summary)
	if err != nil {
		t.Fatal(err)
	}
	e.Report = &report.Reference{URI: "datasets/x/report.json", Digest: "sha256:r"}
	return e
}

func TestTheVerdictComesFromTheReport(t *testing.T) {
	key := plan.DataTestKey("sha256:d", nil, "worker:1", "")
	leak := report.DataTestsSummary{Checks: 20, Failed: 1, First: &report.CheckFailure{
		Check: "train-test-leak", Severity: "Block", Count: 3, Budget: 1, Offender: "test/image/7.png", Detail: "same person as train/image/2.png",
	}}
	run := func(state backend.State, change func(r *backend.Run)) []backend.Run {
		r := backend.Run{Key: key, State: state, FinishedAt: noon.Add(-time.Second)}
		if change != nil {
			change(&r)
		}
		return []backend.Run{r}
	}
	tests := map[string]struct {
		recorded    *v1alpha1.DataTestsStatus
		runs        []backend.Run
		wantReason  string
		wantMessage string
		wantStart   bool
	}{
		"nothing has run": {wantReason: v1alpha1.ReasonDataTesting, wantMessage: "The data unit tests start", wantStart: true},
		"it runs":         {runs: run(backend.Running, nil), wantReason: v1alpha1.ReasonDataTesting, wantMessage: "The data unit tests run"},
		"its pod is in trouble": {
			runs: run(backend.Waiting, func(r *backend.Run) {
				r.Trouble = podwatch.Trouble{Reason: v1alpha1.ReasonImagePullFailed, Message: "no image"}
			}),
			wantReason: v1alpha1.ReasonImagePullFailed, wantMessage: "no image",
		},
		"it passed": {
			runs: run(backend.Reported, func(r *backend.Run) {
				r.Report = reported(t, report.Passed, report.DataTestsSummary{Checks: 20, Warned: 2})
			}),
			wantReason: v1alpha1.ReasonDataTestsPassed, wantMessage: "18 passed, 2 warned",
		},
		"a blocking check failed": {
			runs:       run(backend.Reported, func(r *backend.Run) { r.Report = reported(t, report.Failed, leak) }),
			wantReason: v1alpha1.ReasonDataTestsFailed,
			wantMessage: "check train-test-leak (Block): 3 offenders, 1 allowed; the first is test/image/7.png " +
				"(same person as train/image/2.png)",
		},
		"a single row is to blame": {
			runs: run(backend.Reported, func(r *backend.Run) {
				one := leak
				first := *leak.First
				first.Count = 1
				one.First = &first
				r.Report = reported(t, report.Failed, one)
			}),
			wantReason:  v1alpha1.ReasonDataTestsFailed,
			wantMessage: "check train-test-leak (Block): 1 offender, 1 allowed; it is test/image/7.png (same person as train/image/2.png)",
		},
		"a check that does not exist was changed": {
			runs: run(backend.Reported, func(r *backend.Run) {
				r.Report = reported(t, report.Failed, nil)
				r.Report.Message = `there is no check "blurr"`
			}),
			wantReason: v1alpha1.ReasonDataTestsFailed, wantMessage: `dataTests of the TryOnModel cannot take effect: there is no check "blurr"`,
		},
		"it errored before and runs again": {
			runs:       run(backend.Running, func(r *backend.Run) { r.Message = "no space left" }),
			wantReason: v1alpha1.ReasonDataTesting, wantMessage: "The data unit tests run; an earlier try failed: no space left",
		},
		"it could not be run": {
			runs:        run(backend.Errored, func(r *backend.Run) { r.Message = "no space left" }),
			wantReason:  v1alpha1.ReasonDataTestsErrored,
			wantMessage: "The data unit tests could not be run: no space left; attempt 2 follows at 12:00:29 UTC",
		},
		"its report makes no sense": {
			runs:        run(backend.Reported, func(r *backend.Run) { r.Report = reported(t, report.Passed, report.DataTestsSummary{Checks: -1}) }),
			wantReason:  v1alpha1.ReasonDataTestsErrored,
			wantMessage: "reading report of the data unit tests: the report makes no sense: negative counts",
		},
		"a pass is final, whatever worker is installed later": {
			recorded:   &v1alpha1.DataTestsStatus{Key: "sha256:old", Verdict: v1alpha1.DataTestsVerdictPassed, Checks: ptr.To[int32](20)},
			wantReason: v1alpha1.ReasonDataTestsPassed, wantMessage: "20 passed",
		},
		"a failure is final for its worker": {
			recorded:   &v1alpha1.DataTestsStatus{Key: key, Verdict: v1alpha1.DataTestsVerdictFailed, Message: "leak"},
			wantReason: v1alpha1.ReasonDataTestsFailed, wantMessage: "leak",
		},
		"a failure is measured again by another worker": {
			recorded:   &v1alpha1.DataTestsStatus{Key: "sha256:old", Verdict: v1alpha1.DataTestsVerdictFailed, Message: "leak"},
			wantReason: v1alpha1.ReasonDataTesting, wantMessage: "The data unit tests start", wantStart: true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &v1alpha1.TryOnDatasetVersion{}
			d.Spec.Digest, d.Status.Tests = "sha256:d", test.recorded
			got := decide(d, Observed{Runs: test.runs, WorkerImage: "worker:1"}, noon)
			if diff := cmp.Diff([]string{test.wantReason, test.wantMessage}, []string{got.Reason, got.Message}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (got.Start != nil) != test.wantStart {
				t.Errorf("starts %v, want one: %t", got.Start, test.wantStart)
			}
		})
	}
}

func TestAReportOfNoMeaningIsNotMeasuredAgainUntilSomebodyAsks(t *testing.T) {
	d := &v1alpha1.TryOnDatasetVersion{}
	d.Spec.Digest = "sha256:d"
	key := plan.DataTestKey("sha256:d", nil, "worker:1", "")
	ended := backend.Run{Key: key, State: backend.Reported, Report: reported(t, report.Passed, report.DataTestsSummary{Checks: -1})}
	summarize(d, decide(d, Observed{Runs: []backend.Run{ended}, WorkerImage: "worker:1"}, noon), nil)
	if got := decide(d, Observed{WorkerImage: "worker:1"}, noon); got.Reason != v1alpha1.ReasonDataTestsErrored || got.Start != nil {
		t.Errorf("when the Job is gone: %s: %s; starts %v", got.Reason, got.Message, got.Start)
	}
	d.Annotations = map[string]string{names.RetryAnnotation: "please"}
	got := decide(d, Observed{Runs: []backend.Run{ended}, WorkerImage: "worker:1"}, noon)
	if got.Start == nil || got.Key == key {
		t.Errorf("when somebody asks: %s: %s; starts %v of %s", got.Reason, got.Message, got.Start, got.Key)
	}
}

func TestReadySaysWhatTheTestsSay(t *testing.T) {
	tests := map[string]struct {
		plan Plan
		err  error
		want [2]string
	}{
		"passed":           {Plan{Reason: v1alpha1.ReasonDataTestsPassed}, nil, [2]string{v1alpha1.ReasonReady, v1alpha1.ReasonDataTestsPassed}},
		"failed":           {Plan{Reason: v1alpha1.ReasonDataTestsFailed}, nil, [2]string{v1alpha1.ReasonDataTestsFailed, v1alpha1.ReasonDataTestsFailed}},
		"no store":         {Plan{Reason: v1alpha1.ReasonDataTesting}, errors.Join(resources.ErrStore), [2]string{v1alpha1.ReasonStoreUnavailable, v1alpha1.ReasonStoreUnavailable}},
		"no such luck now": {Plan{Reason: v1alpha1.ReasonDataTesting}, errors.New("timeout"), [2]string{v1alpha1.ReasonReconcileError, v1alpha1.ReasonReconcileError}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &v1alpha1.TryOnDatasetVersion{}
			summarize(d, test.plan, test.err)
			got := [2]string{
				meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionReady).Reason,
				meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionDataTestsPassed).Reason,
			}
			if got != test.want {
				t.Errorf("Ready and DataTestsPassed are %v, want %v", got, test.want)
			}
		})
	}
}

func TestTestsOfAnotherWorkerAreStopped(t *testing.T) {
	old := backend.Run{Name: "old", Key: "sha256:old", State: backend.Waiting}
	for name, recorded := range map[string]*v1alpha1.DataTestsStatus{
		"while this worker's run": nil,
		"after a verdict":         {Key: "sha256:old", Verdict: v1alpha1.DataTestsVerdictPassed},
	} {
		t.Run(name, func(t *testing.T) {
			d := &v1alpha1.TryOnDatasetVersion{}
			d.Spec.Digest, d.Status.Tests = "sha256:d", recorded
			current := backend.Run{Name: "current", Key: plan.DataTestKey("sha256:d", nil, "worker:1", ""), State: backend.Reported}
			got := decide(d, Observed{Runs: []backend.Run{old, current}, WorkerImage: "worker:1"}, noon).Abandon
			if len(got) != 1 || got[0].Name != "old" {
				t.Errorf("stops %+v", got)
			}
		})
	}
}
