package evidence

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
