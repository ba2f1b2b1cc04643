package evidence

import (
	"bytes"
	"compress/gzip"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/report"
)

// spread is a report whose latencies reach over all of the histogram: the largest that a replay gives.
func spread(t *testing.T, pairs int) Report {
	t.Helper()
	totals, err := NewTotals(1.1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range pairs {
		totals.Pairs++
		totals.Errors.Observe(false, false)
		took := time.Millisecond << (i % 17)
		if err := totals.Latency.Observe(took+time.Duration(i), took*time.Duration(1+i%5)); err != nil {
			t.Fatal(err)
		}
	}
	return Report{
		Schema: Schema, Epoch: "e1", Stable: "tops-v1", Candidate: "tops-v2", Instance: ReplayInstance("e1"), Sequence: 1,
		TakenAt: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), Totals: totals,
	}
}

func TestAPackedReportFitsAContainersLastWords(t *testing.T) {
	r := spread(t, 10_000)
	early := spread(t, 40)
	r.Sequence = 2
	packed, err := Pack(early, r)
	if err != nil {
		t.Fatal(err)
	}
	e, err := report.New(report.KindReplay, "sha256:0", report.Passed, report.ReplaySummary{Pairs: r.Pairs, Evidence: packed})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(); err != nil {
		t.Error(err)
	}
	all, err := Unpack(packed)
	if err != nil || len(all) != 2 {
		t.Fatal(len(all), err)
	}
	got := all[1]
	if diff := cmp.Diff(r.Errors, got.Errors); diff != "" || got.Latency != r.Latency || got.Instance != r.Instance {
		t.Errorf("unpacked is something else:\n%s", diff)
	}
}

func TestABadPackIsRefused(t *testing.T) {
	bomb := &bytes.Buffer{}
	w := gzip.NewWriter(bomb)
	if _, err := w.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := Pack(spread(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{"nothing": nil, "no gzip": []byte("{}"), "a bomb": bomb.Bytes(), "a cut": good[:len(good)/2]} {
		if _, err := Unpack(packed); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAReplayCountedIsTakenOnceAndRefusedOnce(t *testing.T) {
	opened := time.Date(2026, 11, 27, 11, 59, 0, 0, time.UTC)
	l, err := NewLedger("e1", "tops-v1", "tops-v2", 1.1, opened)
	if err != nil {
		t.Fatal(err)
	}
	early, whole, foreign := spread(t, 40), spread(t, 60), spread(t, 60)
	whole.Sequence, foreign.Epoch, foreign.Sequence = 2, "e2", 3
	for _, step := range []struct {
		what    string
		report  Report
		grown   bool
		pairs   int64
		dropped int64
	}{
		{"the first of its reports", early, true, 40, 0},
		{"the same again", early, false, 40, 0},
		{"one of another question", foreign, true, 40, 1},
		{"the same again, refused", foreign, false, 40, 1},
		{"the second of its reports", whole, true, 60, 1},
		{"the first once more", early, false, 60, 1},
	} {
		grown := l.TakeReplay(step.report, opened.Add(time.Minute))
		if got := l.Totals().Pairs; grown != step.grown || got != step.pairs || l.Drops[WrongEpoch] != step.dropped || len(l.Drops) > 1 {
			t.Errorf("%s: grown %v, %d pairs, dropped %v; want %v, %d, %d", step.what, grown, got, l.Drops, step.grown, step.pairs, step.dropped)
		}
	}
	for sequence := range int64(10) {
		foreign.Sequence = 10 + sequence
		l.TakeReplay(foreign, opened.Add(time.Minute))
	}
	if len(l.Refused) != maxPacked || l.Drops[WrongEpoch] != maxPacked {
		t.Errorf("%d are refused and %d counted, want no more than a replay packs", len(l.Refused), l.Drops[WrongEpoch])
	}
}

func TestALedgerOfImpossibleRefusalsIsRefused(t *testing.T) {
	for name, refused := range map[string][]int64{"more than a replay packs": {1, 2, 3}, "none": {0}, "beyond every sequence": {maxSequence + 1}} {
		l, err := NewLedger("e1", "tops-v1", "tops-v2", 1.1, time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		l.Refused = refused
		body, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeLedger(body); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
