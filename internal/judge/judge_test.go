package judge

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/names"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func storefront() *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop", UID: "1"},
		Spec: v1alpha1.TryOnDeploymentSpec{
			Model: v1alpha1.ServedModel{Name: "tops"}, Replicas: 2,
			Rollout: v1alpha1.RolloutSpec{Steps: []v1alpha1.RolloutStep{{Shadow: v1alpha1.ShadowStep{SamplePercent: 20}}}},
		},
	}
}

func TestAnEpochIsAnotherQuestionAndAnAttemptAnotherTry(t *testing.T) {
	for name, tt := range map[string]struct {
		change                  func(*v1alpha1.TryOnDeployment)
		sameEpoch, sameAttempts bool
	}{
		"nothing":                  {func(*v1alpha1.TryOnDeployment) {}, true, true},
		"kubectl scale":            {func(d *v1alpha1.TryOnDeployment) { d.Spec.Replicas = 5 }, true, true},
		"what is captured":         {func(d *v1alpha1.TryOnDeployment) { d.Spec.Capture.To.URI = "pvc://captures" }, true, true},
		"scaling":                  {func(d *v1alpha1.TryOnDeployment) { d.Spec.Scaling.MaxReplicas = 5 }, true, true},
		"the steps":                {func(d *v1alpha1.TryOnDeployment) { d.Spec.Rollout.Steps[0].Shadow.SamplePercent = 50 }, true, false},
		"a fixed version":          {func(d *v1alpha1.TryOnDeployment) { d.Spec.Model.Version = 2 }, true, false},
		"a command":                {func(d *v1alpha1.TryOnDeployment) { d.Annotations = map[string]string{names.RolloutAnnotation: "Pause"} }, true, true},
		"the defaults written out": {func(d *v1alpha1.TryOnDeployment) { d.Spec.Gates = defaults }, true, false},
		"a gate":                   {func(d *v1alpha1.TryOnDeployment) { d.Spec.Gates = defaults[:1] }, false, false},
		"another runtime":          {func(d *v1alpha1.TryOnDeployment) { d.Spec.Runtime.Image = "triton" }, true, false},
		"a retry":                  {func(d *v1alpha1.TryOnDeployment) { d.Annotations = map[string]string{names.RetryAnnotation: "please"} }, false, false},
		"another object":           {func(d *v1alpha1.TryOnDeployment) { d.UID = "2" }, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := storefront(), storefront()
			tt.change(after)
			a, b := CaseOf(before, "tops-v1", "tops-v2", "made", 0), CaseOf(after, "tops-v1", "tops-v2", "made", 0)
			if (a.Epoch == b.Epoch) != tt.sameEpoch {
				t.Errorf("epochs %s and %s, same: want %v", a.Epoch, b.Epoch, tt.sameEpoch)
			}
			if (Attempt(before) == Attempt(after)) != tt.sameAttempts {
				t.Errorf("attempts %s and %s, same: want %v", Attempt(before), Attempt(after), tt.sameAttempts)
			}
		})
	}
	for name, other := range map[string]Case{
		"another candidate": CaseOf(storefront(), "tops-v1", "tops-v3", "made", 0),
		"another stable":    CaseOf(storefront(), "tops-v0", "tops-v2", "made", 0),
		"other pods":        CaseOf(storefront(), "tops-v1", "tops-v2", "otherwise", 0),
		"lost evidence":     CaseOf(storefront(), "tops-v1", "tops-v2", "made", 1),
	} {
		if other.Epoch == CaseOf(storefront(), "tops-v1", "tops-v2", "made", 0).Epoch {
			t.Errorf("%s has the same epoch", name)
		}
	}
}

func TestTheLatencyRatioIsTheMarginOfTheLatencyGate(t *testing.T) {
	for _, tt := range []struct {
		gates []v1alpha1.LiveGate
		want  float64
	}{
		{defaults, 1.1},
		{[]v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: "0.02"}, {Metric: v1alpha1.LiveLatency, Max: "1.25"}}, 1.25},
		{[]v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: "0.02"}}, 1.1},
	} {
		if got := LatencyRatio(tt.gates); got != tt.want {
			t.Errorf("%v: ratio %g, want %g", tt.gates, got, tt.want)
		}
	}
}

// pairs reports what one pod compared: latencies of the candidate are slower times the stable ones, of the first bad pictures are faulty.
func pairs(t *testing.T, c Case, n int, slower float64, bad int) *evidence.Ledger {
	t.Helper()
	ledger, err := c.Open(noon)
	if err != nil {
		t.Fatal(err)
	}
	totals, err := evidence.NewTotals(LatencyRatio(c.Gates))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		stable := time.Duration(100+37*i%100) * time.Millisecond
		totals.Pairs++
		totals.Errors.Observe(false, false)
		totals.Artefacts.Observe(false, i < bad)
		if err := totals.Latency.Observe(stable, time.Duration(slower*float64(stable))); err != nil {
			t.Fatal(err)
		}
		if totals.Pairs%100 == 0 || i == n-1 {
			report(t, c, ledger, totals)
		}
	}
	return ledger
}

// report is taken a minute after the one before.
func report(t *testing.T, c Case, ledger *evidence.Ledger, totals evidence.Totals) {
	t.Helper()
	r := evidence.Report{
		Schema: evidence.Schema, Epoch: c.Epoch, Stable: c.Stable, Candidate: c.Candidate, Instance: strings.Repeat("a", 32), Sequence: totals.Pairs,
		TakenAt: noon, Totals: totals,
	}
	if _, drop := ledger.Take(r, noon.Add(time.Duration(totals.Pairs)*time.Second)); drop != evidence.Accepted {
		t.Fatalf("the report was dropped: %s", drop)
	}
}

func TestTheVerdictIsThatOfTheGates(t *testing.T) {
	c := CaseOf(storefront(), "tops-v1", "tops-v2", "made", 0)
	for name, tt := range map[string]struct {
		n, bad int
		slower float64
		want   v1alpha1.LiveVerdict
		rule   string
	}{
		"as good":        {n: 2000, slower: 1, want: "Promote", rule: "better than the margin"},
		"too slow":       {n: 2000, slower: 1.4, want: "Reject", rule: "latency-p95-ratio"},
		"faulty":         {n: 2000, slower: 1, bad: 300, want: "Reject", rule: "artefact-rate-difference"},
		"hardly tried":   {n: 300, slower: 1, want: "KeepCollecting", rule: "more needed, in about"},
		"never tried":    {n: 0, slower: 1, want: "KeepCollecting", rule: "no evidence yet"},
		"at the margins": {n: 2000, slower: 1.1, want: "KeepCollecting", rule: "latency-p95-ratio"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Summarize(pairs(t, c, tt.n, tt.slower, tt.bad), nil, noon.Add(time.Hour))
			if got.Verdict != tt.want || !strings.Contains(got.Rule, tt.rule) {
				t.Errorf("%s: %s; want %s with %q", got.Verdict, got.Rule, tt.want, tt.rule)
			}
			if got.Epoch != c.Epoch || got.Candidate != "tops-v2" || len(got.Gates) != 3 || *got.Gates[0].Max != "1.10" {
				t.Errorf("summary: %+v", got)
			}
		})
	}
}

func TestASummaryStandsForAWhileUnlessTheVerdictChanges(t *testing.T) {
	c := CaseOf(storefront(), "tops-v1", "tops-v2", "made", 0)
	first := c.Summarize(pairs(t, c, 20, 1, 0), nil, noon)
	if got := c.Summarize(pairs(t, c, 40, 1, 0), first, noon.Add(9*time.Second)); got != first {
		t.Errorf("after nine seconds it is written anew: %+v", got)
	}
	if got := c.Summarize(pairs(t, c, 40, 1, 0), first, noon.Add(10*time.Second)); *got.Gates[0].Have != 40 {
		t.Errorf("after ten seconds it is still %+v", got)
	}
	if got := c.Summarize(pairs(t, c, 2000, 1, 0), first, noon.Add(time.Second)); got.Verdict != "Promote" {
		t.Errorf("a verdict waits: %+v", got)
	}
}

func TestTheFirstEvidenceIsSaidAtOnce(t *testing.T) {
	c := CaseOf(storefront(), "tops-v1", "tops-v2", "made", 0)
	nothing := c.Summarize(pairs(t, c, 0, 1, 0), nil, noon)
	if got := c.Summarize(pairs(t, c, 0, 1, 0), nothing, noon.Add(time.Second)); got != nothing {
		t.Errorf("that there is nothing is written anew: %+v", got)
	}
	if got := c.Summarize(pairs(t, c, 5, 1, 0), nothing, noon.Add(time.Second)); *got.Gates[0].Have != 5 {
		t.Errorf("with evidence it is still %+v", got)
	}
}

func TestEvidenceOfAnotherQuestionSaysNothing(t *testing.T) {
	c, other := CaseOf(storefront(), "tops-v1", "tops-v2", "made", 0), CaseOf(storefront(), "tops-v1", "tops-v3", "made", 0)
	if got := c.Summarize(pairs(t, other, 2000, 1, 0), nil, noon); got != nil {
		t.Errorf("got %+v", got)
	}
	if got := c.Summarize(nil, nil, noon); got != nil {
		t.Errorf("without a ledger: %+v", got)
	}
}

func TestDroppedReportsAreShown(t *testing.T) {
	c := CaseOf(storefront(), "tops-v1", "tops-v2", "made", 0)
	ledger := pairs(t, c, 20, 1, 0)
	ledger.Drop(evidence.TooFast)
	ledger.Drop(evidence.Invalid)
	ledger.Drop(evidence.Invalid)
	if got := c.Summarize(ledger, nil, noon).Dropped; got != "2 Invalid, 1 TooFast" {
		t.Errorf("dropped: %q", got)
	}
}

func TestAGateThatCannotBeJudgedPromotesNobody(t *testing.T) {
	tod := storefront()
	tod.Spec.Gates = []v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: "much"}}
	c := CaseOf(tod, "tops-v1", "tops-v2", "made", 0)
	got := c.Summarize(pairs(t, c, 2000, 1, 0), nil, noon)
	if got.Verdict != "KeepCollecting" || !strings.Contains(got.Rule, "cannot be judged") {
		t.Errorf("%s: %s", got.Verdict, got.Rule)
	}
}

func TestADecidedSummaryIsNotDatedAnewWhenNothingCame(t *testing.T) {
	c := CaseOf(storefront(), "tops-v1", "tops-v2", "made", 0)
	for name, tt := range map[string]struct {
		before, after int
		ratio         float64
		wantSame      bool
	}{
		"decided, and nothing came":     {2000, 2000, 1.4, true},
		"decided, and more came":        {2000, 2400, 1.4, false},
		"not decided, and nothing came": {5, 5, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			last := c.Summarize(pairs(t, c, tt.before, tt.ratio, 0), nil, noon.Add(time.Hour))
			again := c.Summarize(pairs(t, c, tt.after, tt.ratio, 0), last, noon.Add(2*time.Hour))
			if got := again.UpdatedTime.Equal(last.UpdatedTime); got != tt.wantSame {
				t.Errorf("verdict %s, updated at %s after %s; want the same time: %t", again.Verdict, again.UpdatedTime, last.UpdatedTime, tt.wantSame)
			}
		})
	}
}
