package shadow

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

func TestAPairIsComparedInEveryRespect(t *testing.T) {
	black := func(out *oip.Result) { clear(out.Image) }
	for name, tt := range map[string]struct {
		change        func(*oip.Result)
		stable        func(*Sample)
		wantErrors    sequential.Pairs
		wantArtefacts sequential.Pairs
		wantLatencies int64
		wantApart     bool
	}{
		"alike":           {same, func(*Sample) {}, sequential.Pairs{BothGood: 1}, sequential.Pairs{BothGood: 1}, 1, false},
		"a black picture": {black, func(*Sample) {}, sequential.Pairs{BothGood: 1}, sequential.Pairs{OnlyCandidate: 1}, 1, true},
		"our black picture": {same, func(s *Sample) { s.Out.Image = make([]byte, 3*side*side) },
			sequential.Pairs{BothGood: 1}, sequential.Pairs{OnlyStable: 1}, 1, true},
		"our error":         {same, func(s *Sample) { s.Failed, s.Out = true, oip.Result{} }, sequential.Pairs{OnlyStable: 1}, sequential.Pairs{}, 0, false},
		"a shared run here": {same, func(s *Sample) { s.Alone = false }, sequential.Pairs{BothGood: 1}, sequential.Pairs{BothGood: 1}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(good(tt.change))
			defer server.Close()
			s := sample()
			tt.stable(&s)
			got, _ := compareOne(t, server.URL, s)
			if got.Errors != tt.wantErrors || got.Artefacts != tt.wantArtefacts || got.Latency.N() != tt.wantLatencies {
				t.Errorf("errors %+v, artefacts %+v, %d latencies", got.Errors, got.Artefacts, got.Latency.N())
			}
			if apart := got.Disagreement.Garment.Sum > 0.1; apart != tt.wantApart {
				t.Errorf("disagreement %+v", got.Disagreement)
			}
		})
	}
}

func TestBothErrorsArePaired(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	s := sample()
	s.Failed, s.Out = true, oip.Result{}
	got, events := compareOne(t, server.URL, s)
	if got.Errors != (sequential.Pairs{BothBad: 1}) || !cmp.Equal(events, []string{"Failed/Failed"}) {
		t.Errorf("%+v, %v", got.Errors, events)
	}
}

func TestAnotherQuestionStartsAnew(t *testing.T) {
	server := httptest.NewServer(good(same))
	defer server.Close()
	m, r := newMirror(4)
	first, second := shadowOf(server.URL), shadowOf(server.URL)
	second.Epoch = "e2"
	m.Offer(first, sample())
	before := m.Report(first, time.Now())
	after := m.Report(second, time.Now())
	if before.Instance == after.Instance || after.Sequence != 1 || after.Epoch != "e2" {
		t.Errorf("before %s %d, after %s %d", before.Instance, before.Sequence, after.Instance, after.Sequence)
	}
	// What was copied for the first question does not count for the second.
	c := &comparer{}
	m.handle(t.Context(), c, <-m.ring)
	if got := m.Report(second, time.Now()); got.Pairs != 0 || got.Sequence != 2 || !cmp.Equal(r.seen(), []string{dropEnded}) {
		t.Errorf("%d pairs, sequence %d, %v", got.Pairs, got.Sequence, r.seen())
	}
	moved := second
	moved.Address, moved.SamplePercent = "http://127.0.0.1:1", 5
	if got := m.Report(moved, time.Now()); got.Instance != after.Instance {
		t.Error("another share or address has forgotten what was counted")
	}
}

func TestArtefactsAreToldByWhatIsUsualHere(t *testing.T) {
	c := &comparer{}
	s := sample()
	e := &epoch{}
	// Half of the head is painted over: no hard fault, but nothing that this version does.
	odd := bytes.Clone(s.Out.Image)
	for i := range 3 * side * 12 {
		odd[i] = 255 - odd[i]
	}
	got := answer{outcome: answered, out: oip.Result{Image: odd, WarpedMask: s.Out.WarpedMask, CompositeMask: s.Out.CompositeMask}}
	// learnt is how many answers tell what is usual.
	const learnt = 100
	compare := func(e *epoch) sequential.Pairs {
		p, err := c.compare(job{epoch: e, sample: s}, got)
		if err != nil {
			t.Fatal(err)
		}
		var totals evidence.Totals
		p.Add(&totals)
		return totals.Artefacts
	}
	for i := range learnt {
		if p := compare(e); p.BothGood != 1 {
			t.Fatalf("pair %d: an artefact before anything is known", i)
		}
	}
	if p := compare(e); p.OnlyCandidate != 1 {
		t.Errorf("%+v, want the candidate's picture to be an artefact", p)
	}
	if p := compare(&epoch{}); p.BothGood != 1 {
		t.Error("another epoch uses what was learnt in this one")
	}
}
