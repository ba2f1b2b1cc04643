package intake

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestADrainWaitsForTheQuietWindowAfterTheLastRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewActivity()
		end, _ := a.Begin()
		start := time.Now()
		done := make(chan time.Duration)
		go func() { a.Drain(context.Background(), 3*time.Second); done <- time.Since(start) }()
		time.AfterFunc(10*time.Second, end)
		time.AfterFunc(12*time.Second, func() {
			if again, ok := a.Begin(); ok {
				again()
			} else {
				t.Error("a request during the drain is refused")
			}
		})
		if took := <-done; took != 15*time.Second {
			t.Errorf("the drain took %s, want 12 s and the window of 3 s", took)
		}
		if _, ok := a.Begin(); ok {
			t.Error("a request after the drain is let in")
		}
	})
}

func TestADrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewActivity()
		if _, ok := a.Begin(); !ok {
			t.Fatal("not begun")
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		start := time.Now()
		a.Drain(ctx, 3*time.Second)
		if took := time.Since(start); took != time.Minute || a.Phase() != Closed {
			t.Errorf("it took %s, phase %v; want a minute, closed", took, a.Phase())
		}
	})
}
