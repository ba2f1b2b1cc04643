package sequential

import "fmt"

// Totals that only grow are read again and again. What came between two readings must be a block by itself: Since gives it, and refuses
// totals that went back or grew in an impossible way. Its errors wrap ErrInvalid.

// Since gives the pairs that were counted after earlier.
func (p Pairs) Since(earlier Pairs) (Pairs, error) {
	grown := Pairs{
		BothGood:      p.BothGood - earlier.BothGood,
		OnlyStable:    p.OnlyStable - earlier.OnlyStable,
		OnlyCandidate: p.OnlyCandidate - earlier.OnlyCandidate,
		BothBad:       p.BothBad - earlier.BothBad,
	}
	return grown, grown.check()
}

// Since gives the pairs that were counted after earlier. Their own extremes are not known, those of all pairs stand for them.
func (d Differences) Since(earlier Differences) (Differences, error) {
	if earlier.N > 0 && (d.Min > earlier.Min || d.Max < earlier.Max) {
		return Differences{}, fmt.Errorf("%w: extremes that came closer together", ErrInvalid)
	}
	grown := Differences{N: d.N - earlier.N, Sum: d.Sum - earlier.Sum, SumSquares: d.SumSquares - earlier.SumSquares, Min: d.Min, Max: d.Max}
	if grown.N == 0 && d == earlier {
		return Differences{}, nil
	}
	return grown, grown.check()
}

// Since gives the pairs that were counted after earlier.
func (l Latencies) Since(earlier Latencies) (Latencies, error) {
	if l.ratio != earlier.ratio {
		return Latencies{}, fmt.Errorf("%w: latencies compared at the ratio %g, not %g", ErrInvalid, earlier.ratio, l.ratio)
	}
	grown := l
	grown.n -= earlier.n
	for i := range edges {
		grown.later[i] -= earlier.later[i]
		grown.slower[i] -= earlier.slower[i]
		grown.faster[i] -= earlier.faster[i]
	}
	return grown, grown.check()
}
