package judge

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/evidence"
)

func entry(reason, version string, at time.Time) v1alpha1.HistoryEntry {
	return v1alpha1.HistoryEntry{Reason: reason, Version: version, Time: ptr.To(metav1.NewTime(at)), Message: "because"}
}

func TestAJudgementHasEndedOnceTheHistorySaysHow(t *testing.T) {
	since := noon.Add(300 * time.Millisecond)
	for name, tt := range map[string]struct {
		history []v1alpha1.HistoryEntry
		want    string
	}{
		"nothing since":                   {[]v1alpha1.HistoryEntry{entry("FirstVersion", "tops-v1", noon.Add(-time.Hour))}, ""},
		"promoted":                        {[]v1alpha1.HistoryEntry{entry("Promoted", "tops-v2", noon.Add(time.Hour))}, "Promoted"},
		"rejected in the same second":     {[]v1alpha1.HistoryEntry{entry("Rejected", "tops-v2", noon)}, "Rejected"},
		"rejected under an earlier epoch": {[]v1alpha1.HistoryEntry{entry("Rejected", "tops-v2", noon.Add(-time.Second))}, ""},
		"another version since":           {[]v1alpha1.HistoryEntry{entry("Rejected", "tops-v3", noon.Add(2*time.Hour)), entry("RolledBack", "tops-v2", noon.Add(time.Hour))}, "RolledBack"},
		"only another version":            {[]v1alpha1.HistoryEntry{entry("Aborted", "tops-v3", noon.Add(2*time.Hour))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &v1alpha1.TryOnDeploymentStatus{
				History:   tt.history,
				Judgement: &v1alpha1.JudgementStatus{Epoch: "e", Candidate: "tops-v2", SinceTime: ptr.To(metav1.NewTime(since))},
			}
			end, got := Ended(s), ""
			if end != nil {
				got = end.Reason
			}
			if got != tt.want {
				t.Errorf("ended %q, want %q", got, tt.want)
			}
			s.Judgement = nil
			if Ended(s) != nil {
				t.Error("without a judgement something has ended")
			}
		})
	}
}

// ended is a deployment whose candidate was rejected, with the evidence.
func ended(t *testing.T) (*v1alpha1.TryOnDeployment, *evidence.Ledger) {
	t.Helper()
	tod := storefront()
	c := CaseOf(tod, "tops-v1", "tops-v2", "made", 0)
	ledger := pairs(t, c, 2000, 1.4, 0)
	c.Look(ledger, noon.Add(time.Hour))
	tod.Status.Judgement = c.Summarize(ledger, nil, noon.Add(time.Hour))
	tod.Status.History = []v1alpha1.HistoryEntry{entry("Rejected", "tops-v2", noon.Add(time.Hour))}
	return tod, ledger
}

func TestALookRemembersTheIntervalsOfTheGates(t *testing.T) {
	_, ledger := ended(t)
	if h := ledger.History; h == nil || len(h.Looks) != 1 || len(h.Metrics) != 3 || h.Metrics[0] != "latency-p95-ratio" || h.Looks[0].Pairs != 2000 ||
		*h.Looks[0].Gates[0].Low < 1.1 || *h.Looks[0].Gates[1].High > 0.01 {
		t.Errorf("history %+v", ledger.History)
	}
	other := CaseOf(storefront(), "tops-v1", "tops-v3", "made", 0)
	before := ledger.History
	other.Look(ledger, noon.Add(2*time.Hour))
	if ledger.History != before {
		t.Error("another question is looked at in this ledger")
	}
}

func TestAReportIsMadeFromWhatWasJudgedAndKeptUnderItsDigest(t *testing.T) {
	tod, ledger := ended(t)
	version := v1alpha1.TryOnModelVersion{ObjectMeta: metav1.ObjectMeta{Name: "tops-v2"}}
	version.Spec.Dataset.Digest = "sha256:d"
	version.Status.Weights = &v1alpha1.WeightsStatus{Digest: "sha256:w"}
	version.Status.Evaluation = &v1alpha1.EvaluationStatus{Golden: "sha256:g"}
	versions := []v1alpha1.TryOnModelVersion{version}
	made, key, err := Report(tod, Ended(&tod.Status), ledger, versions)
	if err != nil {
		t.Fatal(err)
	}
	if made.Outcome != "Rejected" || made.Verdict != "Reject" || !strings.Contains(made.Rule, "worse than the margin 1.1") || len(made.Gates) != 3 || made.Gates[0].Margin != 1.1 {
		t.Errorf("task %+v", made)
	}
	if made.Stable.Name != "tops-v1" || made.Stable.Golden != "" || made.Candidate.Golden != "sha256:g" || made.Candidate.Dataset != "sha256:d" || made.Candidate.Weights != "sha256:w" {
		t.Errorf("versions %+v, %+v", made.Stable, made.Candidate)
	}
	if body, err := json.Marshal(made); err != nil || len(body) > 64<<10 {
		t.Errorf("a task of %d bytes, %v; an environment variable holds 128 KiB", len(body), err)
	}
	if frozen, err := evidence.DecodeFrozen(made.Evidence); err != nil || frozen.Totals.Pairs != 2000 {
		t.Errorf("evidence: %v", err)
	}
	// After a restart everything has been written and read again.
	body, err := ledger.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := evidence.DecodeLedger(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, other, err := Report(tod.DeepCopy(), Ended(&tod.Status), again, versions); err != nil || other != key {
		t.Errorf("after a restart the key is %s, %v; before it was %s", other, err, key)
	}
	tod.Spec.Gates = []v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: "0.5"}}
	tod.Spec.Capture.To.URI = "pvc://captures"
	if made, other, err := Report(tod, Ended(&tod.Status), again, versions); err != nil || other != key || made.Capture != nil {
		t.Errorf("a change of the spec changes what was judged: %s, %v", other, err)
	}
	if _, other, _ := Report(tod, Ended(&tod.Status), again, nil); other == key {
		t.Error("without its golden set the report has the same key")
	}
}

func TestASummaryKeepsItsReportAsLongAsItIsTheSameQuestion(t *testing.T) {
	tod, ledger := ended(t)
	c := CaseOf(tod, "tops-v1", "tops-v2", "made", 0)
	tod.Status.Judgement.Report = &v1alpha1.ReportReference{URI: "judgements/x/report.json"}
	if got := c.Summarize(ledger, tod.Status.Judgement, noon.Add(5*time.Hour)); got.Report == nil {
		t.Error("the report is forgotten")
	}
	other := CaseOf(tod, "tops-v1", "tops-v2", "made", 1)
	if got := other.Summarize(pairs(t, other, 20, 1, 0), tod.Status.Judgement, noon.Add(5*time.Hour)); got.Report != nil {
		t.Error("another question has the report of the last one")
	}
}
