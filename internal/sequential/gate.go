package sequential

import (
	"fmt"
)

// Gate is a question about one metric, candidate against stable, with the evidence gathered so far: Mean, Rate or Quantile. The metric is one
// for which more is worse, and the margin is the worst value that is still acceptable ("max" in a TryOnDeployment's gates).
type Gate interface {
	// Metric is the gate's name, as in the spec.
	Metric() string
	// N counts the pairs (or, in weighted rollout, the requests) of the evidence.
	N() int64
	// Estimate is the most likely value of the metric, NaN without evidence.
	Estimate() float64

	limit() float64
	check() error
	// logWealth of the gambler who bets that the metric is on this side of m, after repeat times the evidence.
	logWealth(side side, m, repeat float64) float64
	// bound is the margin nearest to the estimate that the gambler of a side refutes with this log wealth.
	bound(side side, level float64) float64
}

// side of a margin that a gambler bets on.
type side int

const (
	below side = iota // wins when the candidate is better than the margin
	above             // wins when it is worse
)

// Mean asks whether a quality proxy got worse on average: the metric is the mean of candidate − stable over the same requests.
// It holds for any distribution in [0, 1], and for means that move with time as long as their difference stays on its side of the margin.
type Mean struct {
	Name string
	// Margin is the largest acceptable difference, in (-1, 1).
	Margin   float64
	Evidence Differences
}

// Metric implements Gate.
func (g Mean) Metric() string { return g.Name }

// N implements Gate.
func (g Mean) N() int64 { return g.Evidence.N }

// Estimate implements Gate.
func (g Mean) Estimate() float64 { return g.Evidence.Sum / float64(g.Evidence.N) }

func (g Mean) limit() float64 { return g.Margin }

func (g Mean) check() error {
	if err := checkDifferenceMargin(g.Name, g.Margin); err != nil {
		return err
	}
	return g.Evidence.check()
}

func (g Mean) logWealth(side side, m, repeat float64) float64 {
	d := g.Evidence
	if side == above {
		d = Differences{N: d.N, Sum: -d.Sum, SumSquares: d.SumSquares, Min: -d.Max, Max: -d.Min}
		m = -m
	}
	return logWealthBelow([]sample{leastFavourable(d)}, m, repeat)
}

func (g Mean) bound(side side, level float64) float64 { return searchBound(g, side, level) }

// leastFavourable gives, of all samples with these sums and this maximum, the one that pays least to the gambler who bets that the mean is
// low. The pay-off's third derivative is negative, so by the Chebyshev-Markov inequalities that sample has two values, one of them the
// maximum (Karlin and Studden 1966). The gambler's true wealth is at least this much, which is all that a proof needs.
func leastFavourable(d Differences) sample {
	s := sample{low: -1, high: 1}
	if d.N == 0 {
		return s
	}
	n := float64(d.N)
	mean := d.Sum / n
	variance, gap := max(0, d.SumSquares/n-mean*mean), d.Max-mean
	if gap <= 1e-12 {
		s.outcomes = []outcome{{d.Max, n}}
		return s
	}
	share := variance / (variance + gap*gap)
	s.outcomes = []outcome{{d.Max, n * share}, {max(-1, mean-variance/gap), n * (1 - share)}}
	return s
}

// Rate asks whether errors or artefacts became more frequent: the metric is the candidate's rate − the stable version's. Evidence of
// shadowing and of weighted rollout adds up.
type Rate struct {
	Name string
	// Margin is the largest acceptable difference, in (-1, 1).
	Margin  float64
	Pairs   Pairs
	Streams Streams
}

// Metric implements Gate.
func (g Rate) Metric() string { return g.Name }

// N implements Gate.
func (g Rate) N() int64 { return g.Pairs.N() + g.Streams.N() }

// Estimate implements Gate.
func (g Rate) Estimate() float64 {
	var sum, n float64
	for _, s := range g.samples() {
		for _, o := range s.outcomes {
			sum += o.value * o.count
			n += o.count
		}
	}
	return sum / n
}

func (g Rate) limit() float64 { return g.Margin }

func (g Rate) check() error {
	if err := checkDifferenceMargin(g.Name, g.Margin); err != nil {
		return err
	}
	if err := g.Pairs.check(); err != nil {
		return err
	}
	return g.Streams.check()
}

func (g Rate) logWealth(side side, m, repeat float64) float64 {
	samples := g.samples()
	if side == above {
		for i := range samples {
			samples[i] = samples[i].negated()
		}
		m = -m
	}
	return logWealthBelow(samples, m, repeat)
}

func (g Rate) bound(side side, level float64) float64 { return searchBound(g, side, level) }

// samples writes counts as values whose mean is the difference of rates. A pair is worth 1, 0 or -1. In a stream with candidate share π a
// bad request is worth 1/π at the candidate and -1/(1−π) at the stable version, any other 0 (Horvitz and Thompson 1952). π is the realised share:
// the sidecar spreads requests evenly, and a failed forward goes back to the stable version. By the inequality of arithmetic and geometric means the
// bets stay fair if both versions get the same mix of requests while a share is in force.
func (g Rate) samples() []sample {
	p := g.Pairs
	samples := []sample{{low: -1, high: 1, outcomes: []outcome{
		{1, float64(p.OnlyCandidate)}, {-1, float64(p.OnlyStable)}, {0, float64(p.BothGood + p.BothBad)},
	}}}
	for _, s := range g.Streams {
		if s.Stable == 0 || s.Candidate == 0 {
			continue
		}
		stable, candidate := float64(s.Stable), float64(s.Candidate)
		high, low := (stable+candidate)/candidate, -(stable+candidate)/stable
		good := s.Stable - s.StableBad + s.Candidate - s.CandidateBad
		samples = append(samples, sample{low: low, high: high, outcomes: []outcome{
			{high, float64(s.CandidateBad)}, {low, float64(s.StableBad)}, {0, float64(good)},
		}})
	}
	return samples
}

func checkDifferenceMargin(name string, margin float64) error {
	if name == "" || !(margin > -1 && margin < 1) {
		return fmt.Errorf("%w: gate %q with margin %g, allowed are -1 to 1", ErrInvalid, name, margin)
	}
	return nil
}

// searchBound bisects for the end of the confidence interval: wealth rises with the distance of m from the estimate.
func searchBound(g Gate, side side, level float64) float64 {
	sign := 1.0
	if side == above {
		sign = -1
	}
	near, far := -1.0, 1.0 // in the direction of sign
	for range 40 {
		middle := (near + far) / 2
		if g.logWealth(side, sign*middle, 1) >= level {
			far = middle
		} else {
			near = middle
		}
	}
	return sign * far
}
