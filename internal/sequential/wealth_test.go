package sequential

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// The heart of the method: at the margin no bet pays on average, whichever side it is on.
func TestABetAtTheMarginIsFair(t *testing.T) {
	expect := func(g func(x float64) Gate, side side, m float64, chances map[float64]float64) float64 {
		var mean float64
		for x, p := range chances {
			mean += p * math.Exp(g(x).logWealth(side, m, 1))
		}
		return mean
	}
	pair := func(x float64) Gate {
		p := Pairs{}
		p.Observe(x < 0, x > 0)
		return Rate{Name: "r", Pairs: p}
	}
	score := func(x float64) Gate {
		return Mean{Name: "m", Evidence: Differences{N: 1, Sum: x, SumSquares: x * x, Min: x, Max: x}}
	}
	chances := map[float64]float64{1: 0.05, -1: 0.03, 0: 0.92}
	for _, side := range []side{below, above} {
		for name, g := range map[string]func(x float64) Gate{"rate": pair, "mean": score} {
			if got := expect(g, side, 0.02, chances); math.Abs(got-1) > 1e-9 {
				t.Errorf("%s: a bet on side %d pays %g on average, want 1", name, side, got)
			}
		}
	}
	if got := expect(pair, below, 0.01, chances); got >= 1 {
		t.Errorf("betting on better pays %g when the candidate is worse than the margin", got)
	}
}

func TestSumsNeverPromiseMoreThanTheSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var d Differences
		all := sample{low: -1, high: 1}
		spread := rng.Float64()
		for range 1 + rng.IntN(50) {
			stable, candidate := rng.Float64()*spread, math.Pow(rng.Float64(), 3)*spread
			if err := d.Observe(stable, candidate); err != nil {
				t.Fatal(err)
			}
			all.outcomes = append(all.outcomes, outcome{candidate - stable, 1})
		}
		g := Mean{Name: "m", Evidence: d}
		m := rng.Float64()*0.6 - 0.3
		if got, truth := g.logWealth(below, m, 1), logWealthBelow([]sample{all}, m, 1); got > truth+1e-9 {
			t.Fatalf("below %g: %g from sums, %g in truth", m, got, truth)
		}
		if got, truth := g.logWealth(above, m, 1), logWealthBelow([]sample{all.negated()}, -m, 1); got > truth+1e-9 {
			t.Fatalf("above %g: %g from sums, %g in truth", m, got, truth)
		}
	}
}

func TestWealthRisesWithTheMargin(t *testing.T) {
	for name, g := range map[string]Gate{
		"mean":    Mean{Name: "m", Evidence: Differences{N: 100, Sum: 3, SumSquares: 5, Min: -0.9, Max: 0.8}},
		"rate":    Rate{Name: "r", Pairs: Pairs{BothGood: 90, OnlyStable: 4, OnlyCandidate: 6}},
		"streams": Rate{Name: "r", Streams: Streams{{Percent: 10, Stable: 900, StableBad: 9, Candidate: 100, CandidateBad: 3}}},
	} {
		for m := -0.9; m < 0.85; m += 0.05 {
			if g.logWealth(below, m, 1) > g.logWealth(below, m+0.05, 1) || g.logWealth(above, m, 1) < g.logWealth(above, m+0.05, 1) {
				t.Errorf("%s: the wealth turns at %g, so a confidence set would have holes", name, m)
			}
		}
	}
}

func TestIntervalAndVerdictSayTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	verdicts := map[Verdict]int{}
	for range 200 {
		s, err := NewLatencyState(0.95, 1.1)
		if err != nil {
			t.Fatal(err)
		}
		slower := 0.8 + 0.8*rng.Float64()
		for range 1 + rng.IntN(60) {
			b, _ := NewLatencies(1.1)
			for range 30 {
				x := 4e8 * math.Exp(0.4*rng.NormFloat64())
				if err := b.Observe(time.Duration(x), time.Duration(x*slower*math.Exp(0.2*rng.NormFloat64()))); err != nil {
					t.Fatal(err)
				}
			}
			if s, err = s.Add(b); err != nil {
				t.Fatal(err)
			}
		}
		gates := []Gate{
			Quantile{Name: "latency-p95-ratio", Evidence: &s},
			Rate{Name: "errors", Margin: 0.02, Pairs: Pairs{BothGood: rng.Int64N(1000), OnlyStable: rng.Int64N(20), OnlyCandidate: rng.Int64N(60)}},
			Mean{Name: "score", Margin: 0.01, Evidence: Differences{N: 1000, Sum: 40 * (rng.Float64() - 0.5), SumSquares: 30, Min: -0.6, Max: 0.6}},
		}
		j, err := Judge(gates, 0.05, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range j.Findings {
			verdicts[f.Verdict]++
			const rounding = 1e-9
			if (f.Verdict == Promote) != (f.Upper <= f.Margin+rounding) || (f.Verdict == Reject) != (f.Lower >= f.Margin-rounding) {
				t.Errorf("%s with [%g, %g] around the margin %g", f.Verdict, f.Lower, f.Upper, f.Margin)
			}
		}
		if short, err := Decide(gates, 0.05); err != nil || short != j.Verdict {
			t.Errorf("Decide says %s, Judge %s, %v", short, j.Verdict, err)
		}
	}
	for _, v := range []Verdict{Promote, Reject, KeepCollecting} {
		if verdicts[v] < 20 {
			t.Errorf("only %d findings are %s: the test sees too little", verdicts[v], v)
		}
	}
}

func TestTheNeedIsWhatItTakes(t *testing.T) {
	half := Rate{Name: "artefact-rate-difference", Margin: 0.01, Pairs: Pairs{BothGood: 960, OnlyStable: 20, OnlyCandidate: 20}}
	j, err := Judge([]Gate{half}, 0.05, 10)
	if err != nil || j.Verdict != KeepCollecting || j.Have != 1000 || j.Need <= j.Have {
		t.Fatalf("%+v, %v", j, err)
	}
	if want := time.Duration(float64(j.Need-j.Have) / 10 * float64(time.Second)); j.ETA != want {
		t.Errorf("%s at 10 pairs a second, want %s", j.ETA, want)
	}
	for factor, want := range map[float64]Verdict{0.97: KeepCollecting, 1.03: Promote} {
		scale := func(n int64) int64 { return int64(float64(n) * factor * float64(j.Need) / float64(j.Have)) }
		more := half
		more.Pairs = Pairs{BothGood: scale(960), OnlyStable: scale(20), OnlyCandidate: scale(20)}
		if got, err := Decide([]Gate{more}, 0.05); err != nil || got != want {
			t.Errorf("%.2f of the need: %s, %v, want %s", factor, got, err, want)
		}
	}
}

func TestBadGatesAreRefused(t *testing.T) {
	ok := Rate{Name: "errors", Margin: 0.01}
	for name, bad := range map[string]struct {
		gates []Gate
		alpha float64
	}{
		"no gate":            {nil, 0.05},
		"no alpha":           {[]Gate{ok}, 0},
		"alpha not a number": {[]Gate{ok}, math.NaN()},
		"alpha too large":    {[]Gate{ok}, 0.5},
		"no name":            {[]Gate{Rate{Margin: 0.01}}, 0.05},
		"margin of 1":        {[]Gate{Rate{Name: "errors", Margin: 1}}, 0.05},
		"margin not known":   {[]Gate{Mean{Name: "score", Margin: math.NaN()}}, 0.05},
		"bad counts":         {[]Gate{ok, Rate{Name: "errors", Pairs: Pairs{BothBad: -1}}}, 0.05},
		"bad sums":           {[]Gate{Mean{Name: "score", Evidence: Differences{N: 1, Sum: 3}}}, 0.05},
		"no latencies":       {[]Gate{Quantile{Name: "latency-p95-ratio"}}, 0.05},
		"an empty state":     {[]Gate{Quantile{Name: "latency-p95-ratio", Evidence: &LatencyState{}}}, 0.05},
	} {
		if j, err := Judge(bad.gates, bad.alpha, 1); !errors.Is(err, ErrInvalid) || j.Verdict != KeepCollecting {
			t.Errorf("%s: %+v, %v", name, j, err)
		}
		if v, err := Decide(bad.gates, bad.alpha); !errors.Is(err, ErrInvalid) || v != KeepCollecting {
			t.Errorf("%s: %s, %v", name, v, err)
		}
	}
}
