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
		b.land(f)
		b.learn(o, noon)
	}
	fail(Failed)
	fail(FailedBoth)
	fail(Refused)
	fail(Failed)
	probe := b.admit(noon, tardy)
	if probe == nil || b.admit(noon, tardy) != nil {
		t.Fatal("want one request on its way to a candidate that has failed three")
	}
	b.land(probe)
	b.learn(Failed, noon)
	probe = b.admit(noon, tardy)
	if probe == nil || b.admit(noon, tardy) != nil {
		t.Fatal("want the next request on its way, alone, when the one before has failed")
	}
	b.land(probe)
	b.learn(Answered, noon)
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
			b.land(f)
			b.learn(o, noon)
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
			b.land(waiting[0])
			b.learn(Answered, at)
			waiting = waiting[1:]
		} else {
			b.learn(Answered, at)
		}
	}
}
