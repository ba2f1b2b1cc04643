package shadow

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sequential"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
)

const side = 64

var signature = oip.NewSignature(side, side)

// sample makes an answered request: a red square is put on a grey gradient.
func sample() Sample {
	person, garment := make([]byte, 3*side*side), bytes.Repeat([]byte{250}, 3*side*side)
	mask := make([]byte, side*side)
	for i := range mask {
		x, y := i%side, i/side
		person[3*i], person[3*i+1], person[3*i+2] = byte(60+x), byte(60+y), byte(60+x/2+y/2)
		if x > 16 && x < 48 && y > 20 && y < 56 {
			mask[i] = 255
			garment[3*i], garment[3*i+1], garment[3*i+2] = 200, byte(30+y), byte(30+x)
		}
	}
	worn := bytes.Clone(person)
	for i, m := range mask {
		if m != 0 {
			copy(worn[3*i:3*i+3], garment[3*i:3*i+3])
		}
	}
	return Sample{
		Signature: signature, In: oip.TryOn{Person: person, Garment: garment, GarmentMask: mask, Parameters: map[string]any{"seed": int64(7)}},
		Out: oip.Result{Image: worn, WarpedMask: mask, CompositeMask: mask}, Took: 100 * time.Millisecond, Alone: true,
	}
}

// record counts what the metrics are told.
type record struct {
	mu     sync.Mutex
	events []string
}

func (r *record) add(event string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

func (r *record) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func newMirror(copies int) (*Mirror, *record) {
	r := &record{}
	return New(Options{
		Version: "tops-v1", Copies: copies, Bytes: 1 << 30, Patience: 200 * time.Millisecond,
		Paired:  func(stable, candidate string, _ time.Duration) { r.add(stable + "/" + candidate) },
		Dropped: func(reason string) { r.add(reason) },
	}), r
}

func shadowOf(address string) control.Shadow {
	return control.Shadow{Epoch: "e1", Version: "tops-v2", Address: address, SamplePercent: 100, LatencyRatio: 1.1}
}

// good answers like a candidate's sidecar.
func good(change func(*oip.Result)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		out := sample().Out
		out.Image = bytes.Clone(out.Image)
		change(&out)
		body, length, err := oip.EncodeResponse(oip.Response{ModelName: oip.ModelName, Outputs: []oip.Tensor{
			{Name: oip.OutputImage, Datatype: oip.Uint8, Shape: []int64{1, side, side, 3}, Data: out.Image},
			{Name: oip.OutputWarpedMask, Datatype: oip.Uint8, Shape: []int64{1, side, side, 1}, Data: out.WarpedMask},
			{Name: oip.OutputCompositeMask, Datatype: oip.Uint8, Shape: []int64{1, side, side, 1}, Data: out.CompositeMask},
		}}, true)
		if err != nil {
			panic(err)
		}
		w.Header().Set(oip.HeaderLength, length)
		w.Header().Set("Server-Timing", Timing(5*time.Millisecond, true))
		_, _ = w.Write(body)
	}
}

func same(*oip.Result) {}

// compareOne offers a sample and waits until something became of it.
func compareOne(t *testing.T, candidate string, s Sample) (evidence.Report, []string) {
	t.Helper()
	m, r := newMirror(4)
	shadow := shadowOf(candidate)
	m.Offer(shadow, s)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for len(r.seen()) == 0 {
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatal("nothing became of the copy")
		}
	}
	stop()
	<-done
	m.Close()
	report := m.Report(shadow, time.Now())
	if body, err := report.Encode(); err != nil {
		t.Errorf("the report cannot be sent: %v %s", err, body)
	}
	return report, r.seen()
}

func TestWhateverACandidateDoesEndsAsOneOutcome(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	_ = closed.Close()
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, tt := range map[string]struct {
		candidate http.HandlerFunc
		want      string
	}{
		"a good one": {good(same), "Answered/Answered"},
		"a dead one": {nil, "Answered/Unreachable"},
		"a silent one": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, "Answered/TimedOut"},
		"one that drips": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte{0})
				_ = http.NewResponseController(w).Flush()
				<-time.After(time.Millisecond)
			}
		}, "Answered/TimedOut"},
		"one that hangs up":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "Answered/Unreachable"},
		"one that fails":       {status(http.StatusInternalServerError, "no"), "Answered/Failed"},
		"one that is not up":   {status(http.StatusServiceUnavailable, `{"code":"RuntimeUnavailable"}`), "Answered/Failed"},
		"one without a word":   {status(http.StatusServiceUnavailable, ``), "Answered/Failed"},
		"one that redirects":   {status(http.StatusFound, ""), "Answered/Failed"},
		"one that is busy":     {status(http.StatusServiceUnavailable, `{"code":"Overloaded"}`), "CandidateBusy"},
		"one that is stopping": {status(http.StatusServiceUnavailable, `{"code":"Draining"}`), "CandidateBusy"},
		"garbage":              {status(http.StatusOK, "<html>"), "Answered/Malformed"},
		"nothing":              {status(http.StatusOK, ""), "Answered/Malformed"},
		"a short picture":      {good(func(out *oip.Result) { out.Image = out.Image[:10] }), "Answered/Malformed"},
		"an endless one": {func(w http.ResponseWriter, _ *http.Request) {
			chunk := make([]byte, 1<<20)
			for {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, "Answered/Malformed"},
		"an endless header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, "Answered/Unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			url := "http://" + address
			if tt.candidate != nil {
				server := httptest.NewServer(tt.candidate)
				defer server.Close()
				url = server.URL
			}
			report, events := compareOne(t, url, sample())
			if diff := cmp.Diff([]string{tt.want}, events); diff != "" {
				t.Error(diff)
			}
			want := sequential.Pairs{OnlyCandidate: 1}
			switch tt.want {
			case "Answered/Answered":
				want = sequential.Pairs{BothGood: 1}
			case "CandidateBusy":
				want = sequential.Pairs{}
				if report.Dropped.Busy != 1 {
					t.Errorf("dropped %+v", report.Dropped)
				}
			}
			if report.Errors != want {
				t.Errorf("errors %+v, want %+v", report.Errors, want)
			}
			if n := want.BothGood; report.Latency.N() != n || report.Artefacts.N() != n || report.Disagreement.Garment.N != n {
				t.Errorf("%d latencies, %d artefacts, %d disagreements, want %d of each", report.Latency.N(), report.Artefacts.N(), report.Disagreement.Garment.N, n)
			}
		})
	}
}

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

func TestOnlyTensorsAndSeedLeaveThePod(t *testing.T) {
	seen := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, err := oip.DecodeRequest(body, r.Header.Get(oip.HeaderLength), oip.Limits{})
		if err != nil {
			t.Error(err)
		}
		s := sample()
		person, _ := got.Input(oip.InputPerson)
		if len(got.Inputs) != 3 || !bytes.Equal(person.Data, s.In.Person) || got.Parameters["seed"] != json.Number("7") || len(got.Parameters) != 1 {
			t.Errorf("%d inputs, parameters %#v", len(got.Inputs), got.Parameters)
		}
		seen <- r
		good(same)(w, r)
	}))
	defer server.Close()
	compareOne(t, server.URL, sample())
	r := <-seen
	var names []string
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"Content-Length", "Content-Type", oip.HeaderLength, route.HeaderShadow, "User-Agent"}
	slices.Sort(want)
	if diff := cmp.Diff(want, names); diff != "" || r.URL.RequestURI() != "/v2/models/tryon/infer" {
		t.Errorf("%s %s", r.URL, diff)
	}
}

// In the bubble time stands still while anybody works, and a goroutine that waits for ever ends the test: so offering costs no time at all,
// whatever the worker does.
func TestOfferingNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMirror(4)
		start := time.Now()
		for range 1000 {
			m.Offer(shadowOf("http://127.0.0.1:1"), sample())
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %s", took)
		}
		got := m.Report(shadowOf("http://127.0.0.1:1"), time.Now())
		if want := (evidence.Drops{Full: 6, TooFast: 990}); got.Dropped != want || len(m.ring) != 4 || len(r.seen()) != 996 {
			t.Errorf("dropped %+v, want %+v; %d wait", got.Dropped, want, len(m.ring))
		}
	})
}

func TestABlackHoledCandidateFillsTheRingAndNothingElse(t *testing.T) {
	arrived, leave := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-leave
	}))
	defer server.Close()
	defer close(leave)
	m, _ := newMirror(2)
	m.options.Patience = time.Hour
	s := sample()
	s.Took = time.Hour
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	m.Offer(shadowOf(server.URL), s)
	<-arrived
	for range 7 {
		m.Offer(shadowOf(server.URL), s)
	}
	got := m.Report(shadowOf(server.URL), time.Now())
	if got.Dropped.Full != 5 || got.Pairs != 0 {
		t.Errorf("dropped %+v of %d pairs, want 5 for want of room", got.Dropped, got.Pairs)
	}
	// A pod that stops leaves no verdict on the candidate behind, and does not wait for it.
	stop()
	<-done
	if got := m.Report(shadowOf(server.URL), time.Now()); got.Pairs != 0 {
		t.Errorf("%d pairs", got.Pairs)
	}
}

func TestTheBytesOfCopiesAreBounded(t *testing.T) {
	m, _ := newMirror(100)
	s := sample()
	m.options.Bytes = 3*s.bytes() + 1
	for range 5 {
		m.Offer(shadowOf("http://127.0.0.1:1"), s)
	}
	if got := m.Report(shadowOf("http://127.0.0.1:1"), time.Now()); got.Dropped.Full != 2 || len(m.ring) != 3 {
		t.Errorf("dropped %+v, %d wait", got.Dropped, len(m.ring))
	}
	if want := int64(12 * side * side); s.bytes() != want {
		t.Errorf("a sample counts %d bytes, want %d", s.bytes(), want)
	}
}

func TestCopiesOnTheirWayDoNotMakeAReportUnreadable(t *testing.T) {
	m, _ := newMirror(8)
	shadow := shadowOf("http://127.0.0.1:1")
	m.begin(shadow).totals.Pairs = sequential.MaxRequests - 3
	for range 5 {
		m.Offer(shadow, sample())
	}
	if got := m.Report(shadow, time.Now()); got.Dropped.Full != 3 || len(m.ring) != 2 {
		t.Errorf("dropped %+v, %d wait: with the one being compared at most %d more pairs may come", got.Dropped, len(m.ring), 3)
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

func TestACandidatesTimeIsBelievedUpToWhatWasSeen(t *testing.T) {
	const wall = 100 * time.Millisecond
	for header, want := range map[string]struct {
		took  time.Duration
		alone bool
	}{
		Timing(30*time.Millisecond, true):  {30 * time.Millisecond, true},
		Timing(30*time.Millisecond, false): {30 * time.Millisecond, false},
		Timing(time.Hour, true):            {wall, true},
		"":                                 {wall, true},
		"decode;dur=1":                     {wall, true},
		"runtime;dur=NaN":                  {wall, true},
		"runtime;dur=-1":                   {wall, true},
		"runtime;dur=0":                    {wall, true},
		"runtime;dur=1e999":                {wall, true},
		"runtime;dur=1e-300":               {1, true},
		"runtime;dur=x;desc=shared":        {wall, false},
	} {
		if took, alone := modelTime(header, wall); took != want.took || alone != want.alone {
			t.Errorf("%q: %s, alone %v; want %s, %v", header, took, alone, want.took, want.alone)
		}
	}
}

func TestPatienceFollowsThisPodsOwnTime(t *testing.T) {
	m, _ := newMirror(1)
	m.options.Patience = 15 * time.Second
	for took, want := range map[time.Duration]time.Duration{
		10 * time.Millisecond: 2 * time.Second, 500 * time.Millisecond: 5 * time.Second, 10 * time.Second: 15 * time.Second,
	} {
		if got := m.patience(Sample{Took: took}); got != want {
			t.Errorf("%s: %s, want %s", took, got, want)
		}
	}
	if got := m.patience(Sample{Took: time.Millisecond, Failed: true}); got != 15*time.Second {
		t.Errorf("after a failure here, which says nothing about how long an answer takes: %s", got)
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
