package evidence

import (
	"fmt"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

// Totals are counts over pairs: requests that both versions were asked.
type Totals struct {
	// Pairs counts them.
	Pairs int64 `json:"pairs"`
	// Dropped counts copies of which no pair became.
	Dropped Drops `json:"dropped"`
	// Errors has every pair; "bad" is that the version did not answer as its signature promises, in time.
	Errors sequential.Pairs `json:"errors"`
	// Artefacts, Latency and Disagreement have only pairs that both versions answered.
	Artefacts sequential.Pairs `json:"artefacts"`
	// Latency compares the time in the model server, at the ratio that the control document gives.
	Latency      sequential.Latencies `json:"latency"`
	Disagreement Disagreement         `json:"disagreement"`
}

// Drops count copies by why no pair became of them. None speaks for or against the candidate.
type Drops struct {
	// Full: as many copies as allowed were waiting.
	Full int64 `json:"full"`
	// TooFast: more were sampled than MaxPairsPerSecond.
	TooFast int64 `json:"tooFast"`
	// Busy: the candidate had live requests to answer.
	Busy int64 `json:"candidateBusy"`
	// Unmeasured: both answered, but the pair could not be compared.
	Unmeasured int64 `json:"unmeasured"`
}

// add stops at a number that no pod reaches, so that no report can make the sum one that is refused.
func (d Drops) add(other Drops) Drops {
	sum := func(a, b int64) int64 { return min(a+b, maxSequence) }
	return Drops{
		Full: sum(d.Full, other.Full), TooFast: sum(d.TooFast, other.TooFast),
		Busy: sum(d.Busy, other.Busy), Unmeasured: sum(d.Unmeasured, other.Unmeasured),
	}
}

// Disagreement is how far the two pictures of a pair are apart, 0 to 1: inside both garments, and outside. It has no better side.
type Disagreement struct {
	Garment sequential.Differences `json:"garment"`
	Outside sequential.Differences `json:"outside"`
}

// NewTotals gives totals of nothing that compare latencies at a ratio of 0.1 to 10.
func NewTotals(latencyRatio float64) (Totals, error) {
	latency, err := sequential.NewLatencies(latencyRatio)
	if err != nil {
		return Totals{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Totals{Latency: latency}, nil
}

// Add gives both totals together. On an error, which wraps ErrInvalid, t is returned as it was.
func (t Totals) Add(other Totals) (Totals, error) {
	sum, errs := t, [5]error{}
	sum.Pairs += other.Pairs
	sum.Dropped = t.Dropped.add(other.Dropped)
	sum.Errors, errs[0] = t.Errors.Add(other.Errors)
	sum.Artefacts, errs[1] = t.Artefacts.Add(other.Artefacts)
	sum.Latency, errs[2] = t.Latency.Add(other.Latency)
	sum.Disagreement.Garment, errs[3] = t.Disagreement.Garment.Add(other.Disagreement.Garment)
	sum.Disagreement.Outside, errs[4] = t.Disagreement.Outside.Add(other.Disagreement.Outside)
	if err := first(errs); err != nil {
		return t, err
	}
	return sum, nil
}

// grownFrom refuses totals that cannot have grown from earlier ones.
func (t Totals) grownFrom(earlier Totals) error {
	var errs [5]error
	_, errs[0] = t.Errors.Since(earlier.Errors)
	_, errs[1] = t.Artefacts.Since(earlier.Artefacts)
	_, errs[2] = t.Latency.Since(earlier.Latency)
	_, errs[3] = t.Disagreement.Garment.Since(earlier.Disagreement.Garment)
	_, errs[4] = t.Disagreement.Outside.Since(earlier.Disagreement.Outside)
	a, b := t.Dropped, earlier.Dropped
	if a.Full < b.Full || a.TooFast < b.TooFast || a.Busy < b.Busy || a.Unmeasured < b.Unmeasured {
		return fmt.Errorf("%w: drops went back", ErrInvalid)
	}
	return first(errs)
}

func (t Totals) check() error {
	empty, err := NewTotals(t.Latency.Ratio())
	if err != nil {
		return err
	}
	if _, err := empty.Add(t); err != nil {
		return err
	}
	for _, n := range []int64{t.Dropped.Full, t.Dropped.TooFast, t.Dropped.Busy, t.Dropped.Unmeasured} {
		if n < 0 || n > maxSequence {
			return fmt.Errorf("%w: %d drops", ErrInvalid, n)
		}
	}
	return t.checkParts()
}

// checkParts refuses parts that do not belong to the same pairs.
func (t Totals) checkParts() error {
	both := t.Errors.BothGood
	switch {
	case t.Pairs != t.Errors.N():
		return fmt.Errorf("%w: %d pairs, of which %d had an outcome", ErrInvalid, t.Pairs, t.Errors.N())
	case t.Artefacts.N() > both || t.Latency.N() > both || t.Disagreement.Garment.N > both || t.Disagreement.Outside.N > both:
		return fmt.Errorf("%w: more pairs compared than the %d that both versions answered", ErrInvalid, both)
	case t.Disagreement.Garment.Min < 0 || t.Disagreement.Outside.Min < 0:
		return fmt.Errorf("%w: a negative disagreement", ErrInvalid)
	}
	return nil
}

func first(errs [5]error) error {
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return nil
}
