package sequential

import (
	"fmt"
	"math"
)

// Quantile asks whether the slow requests became slower: the metric is the ratio of a quantile of the latency, candidate / stable. The
// quantiles are those of the histogram with linear interpolation inside a bin, as Prometheus computes them.
type Quantile struct {
	Name string
	// Level is 0.95 for the p95; 0.5 to 0.99.
	Level float64
	// Evidence carries the margin: its Ratio is the largest acceptable ratio.
	Evidence *Latencies
}

// Metric implements Gate.
func (g Quantile) Metric() string { return g.Name }

// N implements Gate.
func (g Quantile) N() int64 { return g.Evidence.n }

// Estimate implements Gate.
func (g Quantile) Estimate() float64 {
	l := g.Evidence
	stable := l.quantile(g.Level, func(i int) int64 { return l.later[i] })
	candidate := l.quantile(g.Level, l.candidateLater)
	return l.ratio * candidate / stable
}

func (g Quantile) limit() float64 { return g.Evidence.ratio }

func (g Quantile) check() error {
	if g.Name == "" || !(g.Level >= 0.5 && g.Level <= 0.99) || g.Evidence == nil {
		return fmt.Errorf("%w: gate %q at the quantile %g, allowed are 0.5 to 0.99", ErrInvalid, g.Name, g.Level)
	}
	return g.Evidence.check()
}

// candidateLater counts the candidate's latencies > ratio·edge i.
func (l *Latencies) candidateLater(i int) int64 { return l.later[i] + l.slower[i] - l.faster[i] }

// quantile interpolates in a histogram given by its exceedance counts. NaN without evidence; the last edge for what lies beyond it.
func (l *Latencies) quantile(level float64, later func(i int) int64) float64 {
	if l.n == 0 {
		return math.NaN()
	}
	want, before, from := (1-level)*float64(l.n), float64(l.n), 0.0
	for i := range edges {
		here := float64(later(i))
		if here <= want {
			return from + (edge(i)-from)*(before-want)/(before-here)
		}
		before, from = here, edge(i)
	}
	return edge(edges - 1)
}

// tailStakes are the stakes on the requests that the two versions disagree about.
var tailStakes = [...]stake{{0.64, 0.13}, {0.4, 0.25}, {0.25, 0.25}, {0.15, 0.15}, {0.08, 0.08}, {0.03, 0.04}}

// The stakes on where the stable version's quantile is: two gamblers who say that an edge is too far left, or too far right, to be it.
const placeCapital, tooLow, tooHigh = 0.05, 0.8, 0.5

// tally is what was seen at one threshold t: how many stable latencies exceed it, and how many pairs speak for a gambler and against.
type tally struct{ later, wins, losses float64 }

// logWealth refutes "the candidate's quantile is ratio times the stable one or worse" (below; the mirror image for above). Let t be the
// stable version's quantile. Then P(stable > t) = 1−level, and P(candidate > ratio·t) ≥ 1−level. Nobody knows t, but if for EVERY t one of
// two things is refuted (that t is the quantile, or that the candidate exceeds ratio·t as often as the stable version exceeds t), then
// it is refuted for the true one, at no loss of α.
func (g Quantile) logWealth(side side, m, repeat float64) float64 {
	at := g.Evidence.paired(side)
	if m != g.Evidence.ratio {
		at = g.Evidence.unpaired(side, int(math.Round(binsPerOctave*math.Log2(m/g.Evidence.ratio))))
	}
	n := float64(g.Evidence.n)
	table := newTailTable(g.Level, repeat)
	lowest := math.Inf(1)
	left := table.logs(tally{later: n}, n) // t = 0
	for i := range edges {
		right := table.logs(at(i), n)
		lowest = min(lowest, worstBetween(&left, &right, lowest))
		left = right
	}
	end := table.logs(tally{}, n) // t = ∞
	return min(lowest, worstBetween(&left, &end, lowest))
}

const tailBets = len(tailStakes) + 2

// worstBetween is the log wealth at the worst threshold between two edges, or some value of at least enough when it is more than that. Each
// bet's log wealth is concave in the threshold's place between the edges, so the straight line between its ends is a lower bound; of
// lines, logSumExp is convex, and the search by thirds finds its smallest value.
func worstBetween(left, right *[tailBets]float64, enough float64) float64 {
	top := math.Inf(-1)
	for k := range left {
		top = max(top, min(left[k], right[k]))
	}
	if top >= enough {
		return top
	}
	var at [tailBets]float64
	wealth := func(u float64) float64 {
		for k := range at {
			at[k] = left[k] + u*(right[k]-left[k])
		}
		return logSumExp(at[:])
	}
	from, to := 0.0, 1.0
	for range 16 {
		third := (to - from) / 3
		if wealth(from+third) < wealth(to-third) {
			to -= third
		} else {
			from += third
		}
	}
	return min(wealth(0), wealth(1), wealth((from+to)/2))
}

// tailTable holds the log pay-offs of every bet: of a win and a loss, or of a later and an earlier stable latency.
type tailTable struct{ start, first, second [tailBets]float64 }

func newTailTable(level, repeat float64) (t tailTable) {
	tail := 1 - level
	for k, s := range tailStakes {
		t.start[k], t.first[k], t.second[k] = math.Log(s.capital), repeat*math.Log1p(s.fraction), repeat*math.Log1p(-s.fraction)
	}
	k := len(tailStakes)
	t.start[k], t.first[k], t.second[k] = math.Log(placeCapital), repeat*math.Log1p(tooLow*level), repeat*math.Log1p(-tooLow*tail)
	k++
	t.start[k], t.first[k], t.second[k] = math.Log(placeCapital), repeat*math.Log1p(-tooHigh), repeat*math.Log1p(tooHigh*tail/level)
	return t
}

func (t *tailTable) logs(at tally, n float64) (logs [tailBets]float64) {
	for k := range tailStakes {
		logs[k] = t.start[k] + at.wins*t.first[k] + at.losses*t.second[k]
	}
	for k := len(tailStakes); k < tailBets; k++ {
		logs[k] = t.start[k] + at.later*t.first[k] + (n-at.later)*t.second[k]
	}
	return logs
}

// paired reads the tallies at the margin itself, where the sidecar compared the pairs.
func (l *Latencies) paired(side side) func(i int) tally {
	if side == below {
		return func(i int) tally {
			return tally{float64(l.later[i]), float64(l.faster[i]), float64(l.slower[i])}
		}
	}
	return func(i int) tally {
		return tally{float64(l.later[i]), float64(l.slower[i]), float64(l.faster[i])}
	}
}

// unpaired reads the tallies at another ratio, shift bins from the margin. Which pairs disagree is not known there; it is taken that they
// disagree as often as the two exceedance counts allow, which pays least.
func (l *Latencies) unpaired(side side, shift int) func(i int) tally {
	return func(i int) tally {
		stable := l.later[i]
		var candidate int64
		switch j := i + shift; {
		case j < 0:
			candidate = l.n
		case j < edges:
			candidate = l.candidateLater(j)
		}
		both := max(0, stable+candidate-l.n)
		t := tally{float64(stable), float64(stable - both), float64(candidate - both)}
		if side == above {
			t.wins, t.losses = t.losses, t.wins
		}
		return t
	}
}

// maxShift bounds the ratios that an interval can reach: a factor of 8 from the margin.
const maxShift = 3 * binsPerOctave

// bound walks from the margin bin by bin. At the margin itself the pairs are known, so the walk's end is cut there if they refute it.
func (g Quantile) bound(side side, level float64) float64 {
	step := 1
	if side == above {
		step = -1
	}
	ratio := func(shift int) float64 { return g.Evidence.ratio * math.Exp2(float64(shift)/binsPerOctave) }
	refuted := func(shift int) bool { return g.logWealth(side, ratio(shift), 1) >= level }
	shift := 0
	if refuted(0) {
		for -step*shift < maxShift && refuted(shift-step) {
			shift -= step
		}
		return ratio(shift)
	}
	for shift = step; step*shift <= maxShift; shift += step {
		if refuted(shift) {
			return ratio(shift)
		}
	}
	if side == above {
		return 0
	}
	return math.Inf(1)
}
