package sequential

import (
	"math"
	"strings"
	"testing"
	"time"
)

func latencies(t *testing.T, ratio float64, pairs int, stable, candidate time.Duration) *LatencyState {
	t.Helper()
	s, err := NewLatencyState(0.95, ratio)
	if err != nil {
		t.Fatal(err)
	}
	for i := range pairs {
		spread := time.Duration(i%50) * time.Millisecond
		block, err := NewLatencies(ratio)
		if err != nil {
			t.Fatal(err)
		}
		if err := block.Observe(stable+spread, candidate+spread); err != nil {
			t.Fatal(err)
		}
		if s, err = s.Add(block); err != nil {
			t.Fatal(err)
		}
	}
	return &s
}

func TestAGoodCandidateIsPromotedByAllGatesTogether(t *testing.T) {
	gates := []Gate{
		Rate{Name: "error-rate-difference", Margin: 0.002, Pairs: Pairs{BothGood: 10000}},
		Mean{Name: "garment-distance", Margin: 0.02, Evidence: Differences{N: 5000, SumSquares: 50, Min: -0.5, Max: 0.5}},
		Quantile{Name: "latency-p95-ratio", Evidence: latencies(t, 1.1, 8000, 300*time.Millisecond, 300*time.Millisecond)},
	}
	j, err := Judge(gates, 0.05, 1)
	if err != nil || j.Verdict != Promote {
		t.Errorf("%+v, %v", j, err)
	}
	for _, f := range j.Findings {
		t.Log(f.Message)
		if !(f.Upper <= f.Margin && f.Lower < f.Estimate && f.Estimate < f.Upper) {
			t.Errorf("the interval does not say what the verdict says: %+v", f)
		}
	}
}

func TestOneBadGateRejects(t *testing.T) {
	gates := []Gate{
		Rate{Name: "error-rate-difference", Margin: 0.002, Pairs: Pairs{BothGood: 1000}},
		Rate{Name: "artefact-rate-difference", Margin: 0.01, Pairs: Pairs{BothGood: 900, OnlyCandidate: 80, OnlyStable: 20}},
	}
	j, err := Judge(gates, 0.05, 1)
	if err != nil || j.Verdict != Reject || j.Rule != "artefact-rate-difference" || !strings.Contains(j.Message, "worse than the margin 0.01") {
		t.Errorf("%+v, %v", j, err)
	}
}

func TestMissingEvidenceIsNeitherPassNorFail(t *testing.T) {
	gates := []Gate{
		Rate{Name: "error-rate-difference", Margin: 0.002, Pairs: Pairs{BothGood: 10000}},
		Rate{Name: "artefact-rate-difference", Margin: 0.01},
	}
	j, err := Judge(gates, 0.05, 1)
	if err != nil || j.Verdict != KeepCollecting || j.Rule != "artefact-rate-difference" || j.ETA != 0 {
		t.Errorf("%+v, %v", j, err)
	}
}

func TestAFindingIsSaidWithoutInfinity(t *testing.T) {
	tests := map[string]struct {
		lower, upper float64
		want         string
	}{
		"both bounds":  {1.01, 1.05, "latency-p95-ratio is 1.02, between 1.01 and 1.05 after 7 requests"},
		"a lower one":  {0.81, math.Inf(1), "latency-p95-ratio is 1.02, at least 0.81 after 7 requests"},
		"no bound yet": {0, math.Inf(1), "latency-p95-ratio is 1.02, not yet bounded after 7 requests"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := Finding{Metric: "latency-p95-ratio", Margin: 1.1, Estimate: 1.02, Lower: test.lower, Upper: test.upper, Have: 7}
			if got := f.sentence(); !strings.HasPrefix(got, test.want+":") {
				t.Errorf("got %q, want it to begin with %q", got, test.want)
			}
		})
	}
}
