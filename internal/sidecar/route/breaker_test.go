package route

import (
	"testing"
	"time"
)

const tardy = time.Second

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// after is a time so many seconds after noon.
func after(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

func TestACandidateThatFailsIsSentOneRequestAtATimeUntilItAnswers(t *testing.T) {
	b := newBreaker()
	fail := func(o Outcome) {
		f := b.admit(noon, tardy)
		if f == nil {
			t.Fatal("a request was held back before the candidate had failed three in a row")
		}
		b.land(f, false, noon)
		b.learn(f, o)
	}
	fail(Failed)
	fail(FailedBoth)
	fail(Refused)
	fail(Left)
	fail(Failed)
	probe := b.admit(noon, tardy)
	if probe == nil || b.admit(noon, tardy) != nil {
		t.Fatal("want one request on its way to a candidate that has failed three")
	}
	b.land(probe, false, noon)
	b.learn(probe, Failed)
	probe = b.admit(noon, tardy)
	if probe == nil || b.admit(noon, tardy) != nil {
		t.Fatal("want the next request on its way, alone, when the one before has failed")
	}
	b.land(probe, true, noon)
	for range 10 {
		if b.admit(noon, tardy) == nil {
			t.Fatal("a candidate that answered is held back")
		}
	}
}

func TestTwoFailuresInARowHoldNothingBack(t *testing.T) {
	b := newBreaker()
	for range 10 {
		for _, o := range []Outcome{Failed, Failed, Answered} {
			f := b.admit(noon, tardy)
			if f == nil {
				t.Fatal("held back")
			}
			b.land(f, o == Answered, noon)
			if o != Answered {
				b.learn(f, o)
			}
		}
	}
}

// A candidate that swallows requests has failed none for as long as they are waited for.
func TestACandidateOfWhichNothingComesIsHeldBackBeforeItHasFailed(t *testing.T) {
	b := newBreaker()
	sent := 0
	for i := range 50 {
		if b.admit(after(0.2*float64(i)), tardy) != nil {
			sent++
		}
	}
	// Those of the first second, until three of them are overdue, and one more.
	if sent != 9 {
		t.Errorf("%d of 50 requests in ten seconds went to it, want 9", sent)
	}
}

func TestABusyCandidateThatAnswersOneAfterTheOtherIsNotHeldBack(t *testing.T) {
	b := newBreaker()
	var waiting []*flight
	for i := range 200 {
		at := after(0.2 * float64(i))
		f := b.admit(at, tardy)
		if f == nil {
			t.Fatalf("request %d is held back with %d before it", i, len(waiting))
		}
		waiting = append(waiting, f)
		// Each waits for some three seconds, and one is answered at a time.
		if len(waiting) > 15 {
			b.land(waiting[0], true, at)
			waiting = waiting[1:]
		} else {
			b.answered = at
		}
	}
}

// Its requests time out together, and what comes of them here is known one after the other.
func TestACandidateOfWhichNothingCameStaysHeldBackWhileItsRequestsAreAnsweredHere(t *testing.T) {
	b := newBreaker()
	var flights []*flight
	for range 5 {
		flights = append(flights, b.admit(noon, tardy))
	}
	for _, f := range flights {
		b.land(f, false, after(2))
	}
	if b.admit(after(2), tardy) == nil || b.admit(after(2), tardy) != nil {
		t.Error("want one request on its way to a candidate that has let five time out")
	}
}

func TestAClientThatHasWaitedForNothingSpeaksAgainstTheCandidate(t *testing.T) {
	tests := map[string]struct {
		left     float64
		answered float64
		want     Outcome
	}{
		"it left soon":                         {0.5, 0, Left},
		"it left after nothing had come":       {1.5, 0, Failed},
		"others were answered in the meantime": {1.5, 1, Left},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBreaker()
			f := b.admit(noon, tardy)
			if test.answered > 0 {
				b.land(b.admit(noon, tardy), true, after(test.answered))
			}
			b.land(f, false, after(test.left))
			if got := b.learn(f, Left); got != test.want {
				t.Errorf("outcome %d, want %d", got, test.want)
			}
			if want := map[Outcome]int{Failed: 1}[test.want]; b.failures != want {
				t.Errorf("%d failures, want %d", b.failures, want)
			}
		})
	}
}
