package evidence

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

func TestReportsAddUpWhateverIsLostRepeatedOrLate(t *testing.T) {
	l := open(t)
	pods := []*pod{newPod(t, 1), newPod(t, 2), newPod(t, 3)}
	accepted := map[string]Totals{}
	random := rand.New(rand.NewPCG(1, 2))
	var late []Report
	at := start
	for step := range 200 {
		at = at.Add(10 * time.Second)
		p := pods[random.IntN(len(pods))].count(t, random.IntN(40))
		r := p.report(at)
		switch random.IntN(5) {
		case 0: // lost
		case 1:
			late = append(late, r)
		case 2: // twice
			l.Take(r, at)
			take(t, l, r, at, false, dropOfRepeat(l, r))
			accepted[r.Instance] = r.Totals
		case 3:
			for _, old := range late {
				if known := l.Instances[old.Instance]; known != nil && known.Sequence > old.Sequence {
					take(t, l, old, at, false, Replay)
				}
			}
			late = nil
		default:
			l.Take(r, at)
			accepted[r.Instance] = r.Totals
		}
		if step%20 == 0 {
			l = restart(t, l)
		}
		if step%50 == 49 {
			// A sidecar that starts again is another instance; what it had counted stays.
			i := random.IntN(len(pods))
			pods[i] = newPod(t, 10+step)
		}
	}
	want, err := NewTotals(ratio)
	if err != nil {
		t.Fatal(err)
	}
	for _, totals := range accepted {
		if want, err = want.Add(totals); err != nil {
			t.Fatal(err)
		}
	}
	near(t, l.Totals(), want)
	// All but the warm-up is judged: what was counted before the threshold was known is no evidence.
	if l.Latency.Seen != want.Latency || l.Latency.Judged < want.Latency.N()*9/10 || l.Latency.Judged > want.Latency.N()-40 {
		t.Errorf("%d latencies judged of %d seen, want most of %d", l.Latency.Judged, l.Latency.Seen.N(), want.Latency.N())
	}
	if want.Pairs < 1000 {
		t.Errorf("only %d pairs: the test is blind", want.Pairs)
	}
}

// dropOfRepeat: who has counted nothing yet is not held, so that its repeated report is nothing new instead of a replay.
func dropOfRepeat(l *Ledger, r Report) Reason {
	if l.Instances[r.Instance] == nil {
		return Accepted
	}
	return Replay
}

func TestWhatAPodSaysCannotMoveTheEvidenceWrongly(t *testing.T) {
	minute := start.Add(time.Minute)
	for name, tt := range map[string]struct {
		forge func(r *Report)
		want  Reason
	}{
		"a replay":             {func(r *Report) { r.Sequence-- }, Replay},
		"an older sequence":    {func(r *Report) { r.Sequence = 1; r.Errors.BothGood++; r.Pairs++ }, Replay},
		"another epoch":        {func(r *Report) { r.Epoch = "e2" }, WrongEpoch},
		"another stable":       {func(r *Report) { r.Stable = "tops-v0" }, WrongEpoch},
		"another candidate":    {func(r *Report) { r.Candidate = "tops-v3" }, WrongEpoch},
		"from the future":      {func(r *Report) { r.TakenAt = minute.Add(MaxSkew + time.Second) }, FromFuture},
		"fewer errors":         {func(r *Report) { r.Errors.BothGood += r.Errors.OnlyCandidate; r.Errors.OnlyCandidate = 0 }, Backwards},
		"fewer artefacts":      {func(r *Report) { r.Artefacts.BothGood += r.Artefacts.OnlyCandidate; r.Artefacts.OnlyCandidate = 0 }, Backwards},
		"forgotten latencies":  {func(r *Report) { r.Latency = newPod(t, 1).Latency }, Backwards},
		"forgotten drops":      {func(r *Report) { r.Dropped.Busy = 0 }, Backwards},
		"a milder picture":     {func(r *Report) { r.Disagreement.Garment.Sum-- }, Backwards},
		"more than a minute's": {func(r *Report) { r.Errors.BothGood += 6501; r.Pairs += 6501 }, TooFast},
		"a minute's pairs":     {func(r *Report) { r.Errors.BothGood += 6499; r.Pairs += 6499 }, Accepted},
	} {
		t.Run(name, func(t *testing.T) {
			l, p := open(t), newPod(t, 1).count(t, 400)
			p.Dropped.Busy = 3
			take(t, l, p.report(start), start, true, Accepted)
			l = restart(t, l)
			r := p.report(minute)
			tt.forge(&r)
			take(t, l, r, minute, tt.want == Accepted, tt.want)
			if want := map[Reason]int64{tt.want: 1}; tt.want != Accepted && !cmp.Equal(l.Drops, want) {
				t.Errorf("drops %v, want %v", l.Drops, want)
			}
		})
	}
}

func TestAnotherMarginIsNotAddedUp(t *testing.T) {
	r := newPod(t, 1).report(start)
	other, err := NewTotals(1.2)
	if err != nil {
		t.Fatal(err)
	}
	r.Totals = other
	take(t, open(t), r, start, false, Invalid)
}

func TestANewPodIsBelievedWhatTheEpochsAgeAllows(t *testing.T) {
	for age, want := range map[time.Duration]Reason{0: TooFast, 4 * time.Second: TooFast, 5 * time.Second: Accepted, -time.Minute: TooFast} {
		p := newPod(t, 1).count(t, 1000)
		take(t, open(t), p.report(start), start.Add(age), want == Accepted, want)
	}
}

func TestAClockThatGoesBackGivesNoCredit(t *testing.T) {
	l, p := open(t), newPod(t, 1).count(t, 10)
	take(t, l, p.report(start), start.Add(time.Hour), true, Accepted)
	take(t, l, p.count(t, 501).report(start), start, false, TooFast)
	take(t, l, p.report(start), start.Add(time.Hour+time.Minute), true, Accepted)
}

func TestManyPodsFitAndTheLongSilentGiveWay(t *testing.T) {
	l := open(t)
	for i := range MaxInstances {
		at := start.Add(time.Duration(i) * time.Second)
		take(t, l, newPod(t, i).count(t, 20).report(at), at, true, Accepted)
	}
	before := l.Totals()
	newcomer := newPod(t, 1000).count(t, 20)
	take(t, l, newcomer.report(start), start.Add(2*time.Minute), false, Full)

	later := start.Add(idle)
	take(t, l, newcomer.report(later), later, true, Accepted)
	want, err := before.Add(newcomer.Totals)
	if err != nil {
		t.Fatal(err)
	}
	near(t, l.Totals(), want)
	if l.Instances[name(0)] != nil || !cmp.Equal(l.Merged, []string{name(0)}) {
		t.Errorf("merged %v, want the one that was silent longest", l.Merged)
	}
	// What was merged must not count twice when its pod is heard again, however much it has counted since.
	l = restart(t, l)
	returned := newPod(t, 0).count(t, 20)
	returned.report(start)
	take(t, l, returned.count(t, 5).report(later), later, false, Replay)
}

func TestTheLedgerIsBoundedWhateverPodsCount(t *testing.T) {
	l := open(t)
	at := start.Add(24 * time.Hour)
	for i := range 60 {
		// Every pod restarts again and again, with reports as large as can be.
		at = at.Add(idle)
		take(t, l, largest(t, i).report(at), at, true, Accepted)
	}
	if len(l.Merged) < 20 {
		t.Errorf("%d instances are merged: the test is blind", len(l.Merged))
	}
	for i := len(l.Merged); i < maxMerged; i++ {
		l.Merged = append(l.Merged, name(1000+i))
	}
	for _, r := range reasons {
		l.Drops[r] = maxSequence
		l.Drop(r)
	}
	l = restart(t, l)
	take(t, l, largest(t, 99).report(at), at.Add(idle), false, Full)
}

func TestASilentPodTakesNoRoom(t *testing.T) {
	l := open(t)
	for i := range 2 * MaxInstances {
		take(t, l, newPod(t, i).report(start), start, false, Accepted)
	}
	if len(l.Instances) != 0 {
		t.Errorf("%d instances are held", len(l.Instances))
	}
}

func TestTheSameLedgerHasTheSameBytes(t *testing.T) {
	body := func() string {
		l := open(t)
		for i := range 5 {
			take(t, l, newPod(t, i).count(t, 30).report(start), start, true, Accepted)
		}
		l.Drop(Replay)
		l.Drop(Invalid)
		if sum := l.Totals(); sum.Pairs != 150 {
			t.Errorf("%d pairs", sum.Pairs)
		}
		out, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if diff := cmp.Diff(body(), body()); diff != "" {
		t.Error(diff)
	}
}

func TestADamagedLedgerIsRefused(t *testing.T) {
	l := open(t)
	take(t, l, newPod(t, 1).count(t, 30).report(start), start, true, Accepted)
	l.Drop(Replay)
	good, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string][2]string{
		"another schema":        {LedgerSchema, "tryon.ledger/v2"},
		"an unknown field":      {`{"schema"`, `{"x":1,"schema"`},
		"an instance's name":    {name(1), "x"},
		"an unknown reason":     {"Replay", "Reply"},
		"negative drops":        {`"Replay":1`, `"Replay":-1`},
		"a merged name":         {`"merged":[]`, `"merged":["x"]`},
		"no drops":              {`"drops":{"Replay":1}`, `"drops":null`},
		"pairs from nowhere":    {`"pairs":30`, `"pairs":31`},
		"an instance of null":   {`"instances":{`, `"instances":{"` + name(2) + `":null,`},
		"an impossible epoch":   {`"epoch":"e1"`, `"epoch":""`},
		"no sequence":           {`"sequence":1`, `"sequence":0`},
		"another level":         {`"level":0.95`, `"level":0.5`},
		"judged but not seen":   {`"judged":0`, `"judged":31`},
		"evidence out of bound": {`"bothGood":`, `"bothGood":9`},
	} {
		t.Run(what, func(t *testing.T) {
			bad := strings.Replace(string(good), change[0], change[1], 1)
			if bad == string(good) {
				t.Fatalf("%q is not in the ledger", change[0])
			}
			if _, err := DecodeLedger([]byte(bad)); !errors.Is(err, ErrInvalid) {
				t.Errorf("error %v, want one that wraps %v", err, ErrInvalid)
			}
		})
	}
	if _, err := NewLedger("e1", "tops-v1", "tops-v2", 0, start); !errors.Is(err, ErrInvalid) {
		t.Errorf("a ledger without a margin: %v", err)
	}
	if _, err := NewLedger("", "tops-v1", "tops-v2", ratio, start); !errors.Is(err, ErrInvalid) {
		t.Errorf("a ledger without an epoch: %v", err)
	}
}

func FuzzTake(f *testing.F) {
	body, err := newPod(f, 1).count(f, 30).report(start).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := Decode(body)
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatalf("accepted %q, cannot encode it: %v", body, err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("accepted %q, cannot read it again: %v", body, err)
		}
		l := open(t)
		take(t, l, newPod(t, 1).count(t, 10).report(start), start, true, Accepted)
		l.Take(r, start.Add(time.Minute))
		restart(t, l)
	})
}
