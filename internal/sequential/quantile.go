package sequential

import (
	"fmt"
	"math"
)

const (
	// warmUp is how many pairs only say where the stable version's quantile is, before the first bet.
	warmUp = 40
	// maxShift bounds the ratios that an interval can reach: a factor of 2 on both sides of the margin.
	maxShift = binsPerOctave
)

// LatencyState is what the controller keeps of a rollout's latencies: 2 to 3 KiB in JSON. Make it with NewLatencyState.
//
// A block is counted at the edge that was nearest to the stable version's quantile in all blocks before it, so the threshold is fixed
// before the requests that it judges. Blocks must come one poll after the other; which pod's comes first within a poll does not matter.
type LatencyState struct {
	// Level is 0.95 for the p95.
	Level float64 `json:"level"`
	// Seen merges all blocks.
	Seen Latencies `json:"seen"`
	// Judged counts the pairs behind the warm-up; Later those whose stable latency t exceeds the threshold, Slower and Faster those for which the
	// versions disagree at the margin, and Candidate those whose candidate exceeds ratio·2^(i-16)/16 times the threshold, i from 0 to 32.
	Judged    int64                 `json:"judged"`
	Later     int64                 `json:"later"`
	Slower    int64                 `json:"slower"`
	Faster    int64                 `json:"faster"`
	Candidate [2*maxShift + 1]int64 `json:"candidate"`
}

// NewLatencyState starts the evidence for a quantile level, 0.5 to 0.99, and a largest acceptable ratio, 0.1 to 10.
func NewLatencyState(level, ratio float64) (LatencyState, error) {
	seen, err := NewLatencies(ratio)
	s := LatencyState{Level: level, Seen: seen}
	if err != nil {
		return s, err
	}
	return s, s.check()
}

// Add gives the state with a block counted. On an error, which wraps ErrInvalid, s is returned as it was.
func (s LatencyState) Add(block Latencies) (LatencyState, error) {
	seen, err := s.Seen.Add(block)
	if err != nil {
		return s, err
	}
	next := s
	next.Seen = seen
	if s.Seen.n < warmUp {
		return next, nil
	}
	i := s.threshold()
	next.Judged += block.n
	next.Later += block.later[i]
	next.Slower += block.slower[i]
	next.Faster += block.faster[i]
	for k := range next.Candidate {
		next.Candidate[k] += block.candidateLater(min(max(i+k-maxShift, 0), edges-1))
	}
	return next, nil
}

// threshold is the edge nearest to the stable version's quantile so far.
func (s *LatencyState) threshold() int {
	want := (1 - s.Level) * float64(s.Seen.n)
	nearest := 0
	for i, later := range s.Seen.later {
		if math.Abs(float64(later)-want) < math.Abs(float64(s.Seen.later[nearest])-want) {
			nearest = i
		}
	}
	return nearest
}

// check refuses a state that no blocks lead to.
func (s *LatencyState) check() error {
	if err := s.Seen.check(); err != nil {
		return err
	}
	fits := func(count, of int64) bool { return count >= 0 && count <= of }
	if !(s.Level >= 0.5 && s.Level <= 0.99) || !fits(s.Judged, s.Seen.n) || !fits(s.Later, s.Judged) || !fits(s.Faster, s.Later) ||
		!fits(s.Slower, s.Judged-s.Later) || s.Candidate[maxShift] != s.Later+s.Slower-s.Faster {
		return fmt.Errorf("%w: latency state with counts %d, %d, %d, %d", ErrInvalid, s.Judged, s.Later, s.Slower, s.Faster)
	}
	before := s.Judged
	for _, c := range s.Candidate {
		if !fits(c, before) {
			return fmt.Errorf("%w: the candidate's latencies rise in the latency state", ErrInvalid)
		}
		before = c
	}
	return nil
}

// Quantile asks whether the slow requests became slower: the metric is the ratio of a quantile of the latency, candidate / stable.
//
// If T is the stable version's p95 and r the margin, the candidate's p95 is above r·T exactly if more of its requests than 5 % take longer
// than r·T. So the gate compares, pair by pair, how often the candidate exceeds r·T with how often the stable version exceeds T.
// T is an edge of the histogram, chosen before the requests that it judges: whatever its exact level (5 % ± 1 % after a few hundred pairs), both
// versions are compared at that same level.
type Quantile struct {
	Name string
	// Evidence carries the margin: its ratio is the largest acceptable one.
	Evidence *LatencyState
}

// Metric implements Gate.
func (g Quantile) Metric() string { return g.Name }

// N implements Gate.
func (g Quantile) N() int64 { return g.Evidence.Seen.n }

// Estimate implements Gate.
func (g Quantile) Estimate() float64 {
	l := &g.Evidence.Seen
	stable := l.quantile(g.Evidence.Level, func(i int) int64 { return l.later[i] })
	return l.ratio * l.quantile(g.Evidence.Level, l.candidateLater) / stable
}

func (g Quantile) limit() float64 { return g.Evidence.Seen.ratio }

func (g Quantile) check() error {
	if g.Name == "" || g.Evidence == nil {
		return fmt.Errorf("%w: gate %q without evidence", ErrInvalid, g.Name)
	}
	return g.Evidence.check()
}

// logWealth at the margin knows the pairs. At another ratio, a number of bins away, it is not known which pairs disagree; there it is taken
// that they disagree as often as the two counts allow, which pays least.
func (g Quantile) logWealth(side side, m, repeat float64) float64 {
	e := g.Evidence
	slower, faster := e.Slower, e.Faster
	if shift := int(math.Round(binsPerOctave * math.Log2(m/e.Seen.ratio))); shift != 0 {
		candidate := e.Candidate[min(max(maxShift+shift, 0), 2*maxShift)]
		both := max(0, e.Later+candidate-e.Judged)
		slower, faster = candidate-both, e.Later-both
	}
	s := sample{low: -1, high: 1, outcomes: []outcome{{1, float64(slower)}, {-1, float64(faster)}}}
	if side == above {
		s = s.negated()
	}
	return logWealthBelow([]sample{s}, 0, repeat)
}

// bound walks over the ratios from the far end; 0 or +Inf if not even the last one is refuted. What the pairs say at the margin is kept on
// the way, so that interval and verdict agree.
func (g Quantile) bound(side side, level float64) float64 {
	step, bound := 1, math.Inf(1)
	if side == above {
		step, bound = -1, 0
	}
	ratio := func(shift int) float64 { return g.limit() * math.Exp2(float64(shift)/binsPerOctave) }
	passed := g.logWealth(side, g.limit(), 1) >= level
	for shift := step * maxShift; step*shift >= -maxShift; shift -= step {
		refuted := passed
		if step*shift < 0 || !passed {
			refuted = shift != 0 && g.logWealth(side, ratio(shift), 1) >= level
		}
		if !refuted {
			break
		}
		bound = ratio(shift)
	}
	return bound
}
