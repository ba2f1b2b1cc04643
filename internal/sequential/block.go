package sequential

import (
	"errors"
	"fmt"
)

// MaxRequests bounds what one block or one state may count. It keeps sums exact and a hostile report from claiming certainty.
const MaxRequests = 1 << 24

// ErrInvalid says that a block, a gate or a level is refused. The state it should have been added to is unchanged.
var ErrInvalid = errors.New("invalid evidence")

// Differences are the sufficient statistics of paired differences, candidate − stable, of a quantity in [0, 1]. Positive means that the
// candidate is worse; negate a proxy for which more is better. The zero value is an empty block. Blocks add up in any order.
type Differences struct {
	// N counts pairs.
	N int64 `json:"n"`
	// Sum and SumSquares of the differences.
	Sum        float64 `json:"sum"`
	SumSquares float64 `json:"sumSquares"`
	// Min and Max are the extremes, in [-1, 1]; both 0 when N is 0.
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// Observe counts one pair. A value that is not a number in [0, 1] is refused with ErrInvalid and not counted.
func (d *Differences) Observe(stable, candidate float64) error {
	if !(stable >= 0 && stable <= 1 && candidate >= 0 && candidate <= 1) {
		return fmt.Errorf("%w: a pair (%g, %g) outside [0, 1]", ErrInvalid, stable, candidate)
	}
	x := candidate - stable
	sum, err := d.Add(Differences{N: 1, Sum: x, SumSquares: x * x, Min: x, Max: x})
	if err == nil {
		*d = sum
	}
	return err
}

// Add gives the statistics of both blocks together. On an error, which wraps ErrInvalid, d is returned as it was.
func (d Differences) Add(block Differences) (Differences, error) {
	if err := block.check(); err != nil {
		return d, err
	}
	if d.N+block.N > MaxRequests {
		return d, tooMany(d.N + block.N)
	}
	switch {
	case block.N == 0:
		return d, nil
	case d.N == 0:
		return block, nil
	}
	return Differences{
		N:          d.N + block.N,
		Sum:        d.Sum + block.Sum,
		SumSquares: d.SumSquares + block.SumSquares,
		Min:        min(d.Min, block.Min),
		Max:        max(d.Max, block.Max),
	}, nil
}

// check refuses what no N numbers between Min and Max can sum up to. Rounding is given the room of adding N numbers in floating point.
func (d Differences) check() error {
	n := float64(d.N)
	room := 1e-9 * (1 + n)
	switch {
	case d.N < 0 || d.N > MaxRequests:
		return tooMany(d.N)
	case d.N == 0 && d != Differences{}:
		return fmt.Errorf("%w: sums without pairs", ErrInvalid)
	case !(d.Min >= -1 && d.Min <= d.Max && d.Max <= 1):
		return fmt.Errorf("%w: extremes %g, %g", ErrInvalid, d.Min, d.Max)
	case !(d.Sum >= n*d.Min-room && d.Sum <= n*d.Max+room):
		return fmt.Errorf("%w: %d differences between %g and %g cannot sum up to %g", ErrInvalid, d.N, d.Min, d.Max, d.Sum)
	case !(d.SumSquares*n >= d.Sum*d.Sum-room*n && d.SumSquares <= n*max(d.Min*d.Min, d.Max*d.Max)+room):
		return fmt.Errorf("%w: %d differences with sum %g cannot have %g as the sum of their squares", ErrInvalid, d.N, d.Sum, d.SumSquares)
	}
	return nil
}

// Pairs counts what happened to the same request at both versions, for instance in shadow: "bad" is an error, or an artefact.
type Pairs struct {
	BothGood      int64 `json:"bothGood"`
	OnlyStable    int64 `json:"onlyStableBad"`
	OnlyCandidate int64 `json:"onlyCandidateBad"`
	BothBad       int64 `json:"bothBad"`
}

// Observe counts one pair.
func (p *Pairs) Observe(stableBad, candidateBad bool) {
	switch {
	case stableBad && candidateBad:
		p.BothBad++
	case stableBad:
		p.OnlyStable++
	case candidateBad:
		p.OnlyCandidate++
	default:
		p.BothGood++
	}
}

// N counts pairs.
func (p Pairs) N() int64 { return p.BothGood + p.OnlyStable + p.OnlyCandidate + p.BothBad }

// Add gives the counts of both blocks together. On an error, which wraps ErrInvalid, p is returned as it was.
func (p Pairs) Add(block Pairs) (Pairs, error) {
	if err := block.check(); err != nil {
		return p, err
	}
	if p.N()+block.N() > MaxRequests {
		return p, tooMany(p.N() + block.N())
	}
	return Pairs{
		BothGood:      p.BothGood + block.BothGood,
		OnlyStable:    p.OnlyStable + block.OnlyStable,
		OnlyCandidate: p.OnlyCandidate + block.OnlyCandidate,
		BothBad:       p.BothBad + block.BothBad,
	}, nil
}

func (p Pairs) check() error {
	return checkCounts(p.BothGood, p.OnlyStable, p.OnlyCandidate, p.BothBad)
}

// checkCounts refuses negative and huge counts, and sums that overflow.
func checkCounts(counts ...int64) error {
	var sum int64
	for _, c := range counts {
		if c < 0 || c > MaxRequests || sum+c > MaxRequests {
			return tooMany(c)
		}
		sum += c
	}
	return nil
}

func tooMany(n int64) error {
	return fmt.Errorf("%w: a count of %d, allowed are 0 to %d", ErrInvalid, n, MaxRequests)
}
