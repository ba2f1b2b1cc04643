package sequential

import (
	"math"
	"testing"
	"time"
)

func TestHistogramsAndQuantilesAreThoseOfTheLatencies(t *testing.T) {
	l, err := NewLatencies(1.25)
	if err != nil {
		t.Fatal(err)
	}
	if s, c := l.Quantiles(0.95); !math.IsNaN(s) || !math.IsNaN(c) {
		t.Errorf("without evidence: %g, %g", s, c)
	}
	for i := range 1000 {
		stable := time.Duration(100+i/10) * time.Millisecond
		if err := l.Observe(stable, 2*stable); err != nil {
			t.Fatal(err)
		}
	}
	stable, candidate := l.Histograms()
	for name, tt := range map[string]struct {
		bins     []Bin
		from, to float64
	}{"stable": {stable, 0.1, 0.2}, "candidate": {candidate, 0.2, 0.4}} {
		var n int64
		for i, b := range tt.bins {
			n += b.N
			if i > 0 && b.From != tt.bins[i-1].To || b.To <= b.From {
				t.Errorf("%s: bin %d is %+v", name, i, b)
			}
		}
		first, last := tt.bins[0], tt.bins[len(tt.bins)-1]
		if n != 1000 || first.N == 0 || last.N == 0 || first.From > tt.from || first.To < tt.from || last.To < 0.99*tt.to || last.From > tt.to {
			t.Errorf("%s: %d latencies from %+v to %+v", name, n, first, last)
		}
	}
	if s, c := l.Quantiles(0.5); math.Abs(s-0.15) > 0.005 || math.Abs(c-0.3) > 0.01 {
		t.Errorf("medians %g and %g, want 0.15 and 0.3", s, c)
	}
	endless, _ := NewLatencies(1)
	if err := endless.Observe(time.Hour, time.Microsecond); err != nil {
		t.Fatal(err)
	}
	slow, quick := endless.Histograms()
	if len(slow) != 1 || slow[0].N != 1 || slow[0].From != slow[0].To || len(quick) != 1 || quick[0].From != 0 {
		t.Errorf("beyond the ends: %+v, %+v", slow, quick)
	}
}
