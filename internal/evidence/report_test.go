package evidence

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

func TestAReportSurvivesTheWire(t *testing.T) {
	want := newPod(t, 1).count(t, 500).report(start)
	body, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(body)
	if err != nil || got != want {
		t.Errorf("%v, %d bytes, got %+v", err, len(body), got.Errors)
	}
}

func TestImpossibleReportsAreRefused(t *testing.T) {
	for name, forge := range map[string]func(r *Report){
		"another schema":     func(r *Report) { r.Schema = "tryon.evidence/v2" },
		"no instance":        func(r *Report) { r.Instance = "" },
		"an instance's path": func(r *Report) { r.Instance = "../../../../../../../../etc/passwd" },
		"no sequence":        func(r *Report) { r.Sequence = 0 },
		"a huge sequence":    func(r *Report) { r.Sequence = math.MaxInt64 },
		"no time":            func(r *Report) { r.TakenAt = time.Time{} },
		"no epoch":           func(r *Report) { r.Epoch = "" },
		"an epoch's line":    func(r *Report) { r.Epoch = "a\nb" },
		"pairs from nowhere": func(r *Report) { r.Pairs++ },
		"negative pairs":     func(r *Report) { r.Errors.BothGood, r.Pairs = -5, r.Errors.N()-r.Errors.BothGood-5 },
		"huge counts":        func(r *Report) { r.Errors.BothGood = math.MaxInt64; r.Pairs = r.Errors.N() },
		"overflowing counts": func(r *Report) {
			r.Errors = sequential.Pairs{BothGood: math.MaxInt64, OnlyStable: math.MaxInt64}
			r.Pairs = -2
		},
		"more than were asked":  func(r *Report) { r.Artefacts.BothGood += 1000 },
		"more latencies":        func(r *Report) { r.Errors.OnlyCandidate += r.Errors.BothGood; r.Errors.BothGood = 0 },
		"a sum of NaN":          func(r *Report) { r.Disagreement.Garment.Sum = math.NaN() },
		"an infinite sum":       func(r *Report) { r.Disagreement.Garment.Sum = math.Inf(-1) },
		"squares of NaN":        func(r *Report) { r.Disagreement.Outside.SumSquares = math.NaN() },
		"a sum out of bounds":   func(r *Report) { r.Disagreement.Garment.Sum = 1e9 },
		"extremes of NaN":       func(r *Report) { r.Disagreement.Garment.Max = math.NaN() },
		"negative disagreement": func(r *Report) { r.Disagreement.Garment.Min = -0.5 },
		"negative drops":        func(r *Report) { r.Dropped.Busy = -1 },
		"no latencies at all":   func(r *Report) { r.Latency = sequential.Latencies{} },
	} {
		t.Run(name, func(t *testing.T) {
			r := newPod(t, 1).count(t, 50).report(start)
			forge(&r)
			if _, err := r.Encode(); !errors.Is(err, ErrInvalid) {
				t.Errorf("error %v, want one that wraps %v", err, ErrInvalid)
			}
			take(t, open(t), r, start, false, Invalid)
		})
	}
}

func TestBadBytesAreRefused(t *testing.T) {
	good, err := newPod(t, 1).count(t, 5).report(start).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"nothing":          ``,
		"two reports":      string(good) + string(good),
		"an unknown field": strings.Replace(string(good), `{`, `{"x":1,`, 1),
		"a word for a sum": strings.Replace(string(good), `"pairs":5`, `"pairs":"NaN"`, 1),
		"an unknown drop":  strings.Replace(string(good), `"full"`, `"fuller"`, 1),
		"a huge number":    strings.Replace(string(good), `"pairs":5`, `"pairs":1e300`, 1),
		"a long report":    string(good) + strings.Repeat(" ", MaxBytes),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode([]byte(body)); !errors.Is(err, ErrInvalid) {
				t.Errorf("error %v, want one that wraps %v", err, ErrInvalid)
			}
		})
	}
}

func TestTheLargestReportFits(t *testing.T) {
	body, err := largest(t, 1).report(start).Encode()
	if err != nil || len(body) > MaxBytes {
		t.Errorf("%v, %d bytes, %d are allowed", err, len(body), MaxBytes)
	}
}
