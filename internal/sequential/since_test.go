package sequential

import (
	"errors"
	"math"
	"testing"
	"time"
)

// sameBlock makes a block of pairs with evenly spread latencies.
func sameBlock(t *testing.T, ratio float64, pairs int, stable, candidate time.Duration) Latencies {
	t.Helper()
	l, err := NewLatencies(ratio)
	if err != nil {
		t.Fatal(err)
	}
	for i := range pairs {
		spread := time.Duration(i%50) * time.Millisecond
		if err := l.Observe(stable+spread, candidate+spread); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func TestWhatCameSinceIsWhatWasAdded(t *testing.T) {
	earlier := sameBlock(t, 1.1, 30, 200*time.Millisecond, 210*time.Millisecond)
	added := sameBlock(t, 1.1, 20, 300*time.Millisecond, 250*time.Millisecond)
	sum, err := earlier.Add(added)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sum.Since(earlier); err != nil || got != added {
		t.Errorf("latencies: %v, n %d", err, got.N())
	}
	pairs := Pairs{BothGood: 5, OnlyCandidate: 2}
	if got, err := (Pairs{BothGood: 9, OnlyStable: 1, OnlyCandidate: 2}).Since(pairs); err != nil || got != (Pairs{BothGood: 4, OnlyStable: 1}) {
		t.Errorf("pairs: %v, %+v", err, got)
	}
	d := Differences{N: 2, Sum: 0.5, SumSquares: 0.15, Min: 0.1, Max: 0.4}
	more, err := d.Add(Differences{N: 1, Sum: 0.25, SumSquares: 0.0625, Min: 0.25, Max: 0.25})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := more.Since(d); err != nil || got.N != 1 || math.Abs(got.Sum-0.25) > 1e-12 || got.Max != 0.4 {
		t.Errorf("differences: %v, %+v", err, got)
	}
	if got, err := d.Since(d); err != nil || got != (Differences{}) {
		t.Errorf("nothing new: %v, %+v", err, got)
	}
}

func TestTotalsThatWentBackAreRefused(t *testing.T) {
	few, many := sameBlock(t, 1.1, 20, 200*time.Millisecond, 210*time.Millisecond), sameBlock(t, 1.1, 30, 200*time.Millisecond, 210*time.Millisecond)
	other := sameBlock(t, 1.2, 30, 200*time.Millisecond, 210*time.Millisecond)
	moved := sameBlock(t, 1.1, 31, 100*time.Millisecond, 110*time.Millisecond)
	d := Differences{N: 2, Sum: 0.5, SumSquares: 0.15, Min: 0.1, Max: 0.4}
	for name, refuse := range map[string]func() error{
		"fewer latencies":   func() error { _, err := few.Since(many); return err },
		"another ratio":     func() error { _, err := many.Since(other); return err },
		"rewritten history": func() error { _, err := moved.Since(many); return err },
		"fewer pairs":       func() error { _, err := (Pairs{BothGood: 4}).Since(Pairs{BothGood: 5}); return err },
		"pairs that became another kind": func() error {
			_, err := (Pairs{BothGood: 9}).Since(Pairs{BothGood: 5, OnlyCandidate: 1})
			return err
		},
		"closer extremes": func() error {
			_, err := (Differences{N: 3, Sum: 0.6, SumSquares: 0.16, Min: 0.1, Max: 0.3}).Since(d)
			return err
		},
		"fewer differences": func() error {
			_, err := (Differences{N: 1, Sum: 0.4, SumSquares: 0.16, Min: 0.1, Max: 0.4}).Since(d)
			return err
		},
		"sums alone": func() error {
			_, err := (Differences{N: 2, Sum: 0.51, SumSquares: 0.15, Min: 0.1, Max: 0.4}).Since(d)
			return err
		},
		"a sum of NaN": func() error { _, err := (Differences{N: 3, Sum: math.NaN(), Min: 0.1, Max: 0.4}).Since(d); return err },
	} {
		t.Run(name, func(t *testing.T) {
			if err := refuse(); !errors.Is(err, ErrInvalid) {
				t.Errorf("error %v, want one that wraps %v", err, ErrInvalid)
			}
		})
	}
}
