package datatest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestARowThatNeedsMoreThanThereIsIsLookedAtAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := makeRoom(100)
		var inside atomic.Int32
		enter := func(bytes int64, until <-chan struct{}) {
			leave, err := r.enter(t.Context(), bytes)
			if err != nil {
				t.Error(err)
				return
			}
			inside.Add(1)
			<-until
			inside.Add(-1)
			leave()
		}
		want := func(n int32, when string) {
			t.Helper()
			if synctest.Wait(); inside.Load() != n {
				t.Errorf("%s %d are looked at, want %d", when, inside.Load(), n)
			}
		}
		small, large, last := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go enter(40, small)
		go enter(60, small)
		want(2, "while there is room")
		go enter(500, large)
		want(2, "before the large one's turn")
		go enter(1, last)
		close(small)
		want(1, "while the large one has all the room")
		close(large)
		want(1, "after the large one")
		close(last)
		want(0, "in the end")
	})
}

func TestARowThatWaitsForRoomGoesWithItsRun(t *testing.T) {
	r := makeRoom(10)
	leave, err := r.enter(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.enter(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a second row got %v, want to wait for the first, which has all the room", err)
	}
	leave()
	if _, err := r.enter(t.Context(), 10); err != nil {
		t.Errorf("when the first has left: %v", err)
	}
}

func TestWithoutABoundThereIsRoomForAll(t *testing.T) {
	r := makeRoom(0)
	for range 3 {
		if _, err := r.enter(t.Context(), 1<<60); err != nil {
			t.Error(err)
		}
	}
}
