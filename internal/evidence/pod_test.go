package evidence

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

const ratio = 1.1

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// name gives the name of instance i.
func name(i int) string { return fmt.Sprintf("%032x", i) }

// pod counts pairs as a sidecar does.
type pod struct {
	Report
	random *rand.Rand
}

func newPod(t testing.TB, i int) *pod {
	t.Helper()
	totals, err := NewTotals(ratio)
	if err != nil {
		t.Fatal(err)
	}
	return &pod{
		Report: Report{Schema: Schema, Epoch: "e1", Stable: "tops-v1", Candidate: "tops-v2", Instance: name(i), TakenAt: start, Totals: totals},
		random: rand.New(rand.NewPCG(uint64(i), 7)),
	}
}

// count adds pairs of which some fail.
func (p *pod) count(t testing.TB, pairs int) *pod {
	t.Helper()
	for range pairs {
		p.Pairs++
		candidateBad := p.random.IntN(20) == 0
		p.Errors.Observe(false, candidateBad)
		if candidateBad {
			continue
		}
		p.Artefacts.Observe(p.random.IntN(9) == 0, p.random.IntN(7) == 0)
		took := func() time.Duration { return time.Duration(50+p.random.IntN(200)) * time.Millisecond }
		err := errors.Join(p.Latency.Observe(took(), took()),
			p.Disagreement.Garment.Observe(0, p.random.Float64()), p.Disagreement.Outside.Observe(0, p.random.Float64()/8))
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// report gives what the pod says when asked at a time.
func (p *pod) report(at time.Time) Report {
	p.Sequence++
	p.TakenAt = at
	return p.Report
}

func open(t testing.TB) *Ledger {
	t.Helper()
	l, err := NewLedger("e1", "tops-v1", "tops-v2", ratio, start)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// restart writes the ledger and reads it again.
func restart(t testing.TB, l *Ledger) *Ledger {
	t.Helper()
	body, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > MaxLedgerBytes {
		t.Fatalf("the ledger has %d bytes, %d are allowed", len(body), MaxLedgerBytes)
	}
	again, err := DecodeLedger(body)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// take hands a report over and checks what becomes of it.
func take(t testing.TB, l *Ledger, r Report, at time.Time, wantChanged bool, want Reason) {
	t.Helper()
	before := l.Totals()
	changed, drop := l.Take(r, at)
	if changed != wantChanged || drop != want {
		t.Errorf("changed %v, %q; want %v, %q", changed, drop, wantChanged, want)
	}
	if !wantChanged && l.Totals() != before {
		t.Error("a report that was dropped, or that says nothing new, has changed the totals")
	}
}

// near compares totals but for the rounding of sums.
func near(t testing.TB, got, want Totals) {
	t.Helper()
	for _, pair := range [][2]*sequential.Differences{{&got.Disagreement.Garment, &want.Disagreement.Garment}, {&got.Disagreement.Outside, &want.Disagreement.Outside}} {
		if math.Abs(pair[0].Sum-pair[1].Sum) > 1e-6 || math.Abs(pair[0].SumSquares-pair[1].SumSquares) > 1e-6 {
			t.Errorf("sums %+v, want %+v", *pair[0], *pair[1])
		}
		pair[0].Sum, pair[0].SumSquares = pair[1].Sum, pair[1].SumSquares
	}
	if got != want {
		t.Errorf("totals of %d pairs %+v, want %d %+v", got.Pairs, got.Errors, want.Pairs, want.Errors)
	}
}

// largest has counts of as many digits as there can be, at every latency that is told apart. 64 of its kind stay below the most that adds up.
func largest(t testing.TB, i int) *pod {
	t.Helper()
	p := newPod(t, i)
	for d := 1100 * time.Microsecond; d < 130*time.Second; d = d * 26 / 25 {
		if err := errors.Join(p.Latency.Observe(d, d/9), p.Latency.Observe(d/8, d)); err != nil {
			t.Fatal(err)
		}
	}
	for p.Latency.N() < sequential.MaxRequests/200 {
		double, err := p.Latency.Add(p.Latency)
		if err != nil {
			t.Fatal(err)
		}
		p.Latency = double
	}
	p.Pairs, p.Errors.BothGood = p.Latency.N(), p.Latency.N()
	p.Dropped = Drops{maxSequence, maxSequence, maxSequence, maxSequence}
	return p
}
