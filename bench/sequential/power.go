package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

// question is a difference that has to be found.
type question struct {
	name string
	traffic
	margins
	verdict sequential.Verdict
	// drift and variance of one pair in the fixed-horizon test: of the indicator differences, minus the margin.
	effect func(p pair) float64
	// share of alpha that the fixed-horizon test gets: as much as the gate.
	alpha float64
}

// z are normal quantiles.
var z = map[float64]float64{0.05: 1.6449, 0.05 / 3: 2.1280, 0.8: 0.8416, 0.9: 1.2816}

func indicator(x bool) float64 {
	if x {
		return 1
	}
	return 0
}

// p95 of the shop's stable latency in seconds, found once from many draws. The fixed-horizon test is told it: no real test could do better.
func p95(t traffic) float64 {
	src := newSource(t, 99, 0)
	values := make([]float64, 400_000)
	for i := range values {
		values[i] = src.next(true, false).stable.Seconds()
	}
	slices.Sort(values)
	return values[len(values)*95/100]
}

func latencyQuestion(name string, t traffic, margin float64, m margins, alpha float64) question {
	threshold := p95(t)
	m.latency = margin
	return question{name, t, m, sequential.Reject, func(p pair) float64 {
		return indicator(p.candidate.Seconds() > margin*threshold) - indicator(p.stable.Seconds() > threshold)
	}, alpha}
}

func artefactQuestion(name string, t traffic, margin float64, m margins, alpha float64) question {
	m.artefacts = at(margin)
	return question{name, t, m, sequential.Reject, func(p pair) float64 {
		return indicator(p.candidateArtefact) - indicator(p.stableArtefact) - margin
	}, alpha}
}

func slower(by float64) traffic {
	return with(func(t *traffic) { t.slower = by })
}

// twoPoints has artefacts in 5 % of the candidate's pictures, and 3 % of the stable ones.
func twoPoints() traffic {
	return with(func(t *traffic) { t.moreArtefacts = 0.02 })
}

func questions() []question {
	return []question{
		latencyQuestion("p95 10 % slower, margin 1.00", slower(1.1), 1, margins{}, alpha),
		latencyQuestion("p95 10 % slower, margin 1.00, three gates", slower(1.1), 1, sampleMargins, alpha/3),
		latencyQuestion("p95 30 % slower, margin 1.10, three gates", slower(1.3), 1.1, sampleMargins, alpha/3),
		artefactQuestion("artefacts +2 points, margin 0", twoPoints(), 0, margins{}, alpha),
		artefactQuestion("artefacts +2 points, margin 0, three gates", twoPoints(), 0, sampleMargins, alpha/3),
		artefactQuestion("artefacts +2 points, margin 0.01", twoPoints(), 0.01, margins{}, alpha),
		artefactQuestion("artefacts +2 points, margin 0.01, three gates", twoPoints(), 0.01, sampleMargins, alpha/3),
	}
}

// fixedHorizon gives the pairs of a one-sided z-test with this power, told drift and variance.
func (q question) fixedHorizon(power float64) float64 {
	src := newSource(q.traffic, 98, 0)
	var sum, squares float64
	const draws = 500_000
	for range draws {
		x := q.effect(src.next(true, false))
		sum += x
		squares += x * x
	}
	mean := sum / draws
	variance := squares/draws - mean*mean
	distance := z[q.alpha] + z[power]
	return distance * distance * variance / (mean * mean)
}

// power prints how many pairs each question takes.
func power(out io.Writer, rollouts int, seed uint64) error {
	fmt.Fprintln(out, "| to find | fixed test, power 0.8 | found in 80 % | ratio | fixed test, power 0.9 | found in 90 % | ratio | mean | ratio to 0.9 |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|")
	for _, q := range questions() {
		times, err := q.times(rollouts, seed)
		if err != nil {
			return err
		}
		var mean float64
		for _, n := range times {
			mean += float64(n) / float64(len(times))
		}
		f80, f90 := q.fixedHorizon(0.8), q.fixedHorizon(0.9)
		t80, t90 := float64(times[len(times)*80/100]), float64(times[len(times)*90/100])
		fmt.Fprintf(out, "| %s | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f | %.0f | %.2f |\n", q.name, f80, t80, t80/f80, f90, t90, t90/f90, mean, mean/f90)
	}
	return nil
}

// times gives the sorted numbers of pairs at which the verdict came, and 50,000 where it did not.
func (q question) times(rollouts int, seed uint64) ([]int, error) {
	const horizon = 50_000
	times := make([]int, rollouts)
	err := each(rollouts, func(i int) error {
		_, n, err := rollout(newSource(q.traffic, seed, uint64(i)), q.margins, horizon, func(v sequential.Verdict) bool { return v == q.verdict })
		times[i] = n
		return err
	})
	slices.Sort(times)
	return times, err
}
