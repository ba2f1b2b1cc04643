package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale/predict"
)

// one is a try-on of 256x192, two of them are two in one request.
var (
	one = Ask{Shape: predict.Shape{Height: 256, Width: 192, Batch: 1}}
	two = Ask{Shape: predict.Shape{Height: 256, Width: 192, Batch: 2}}
)

// enter takes a run that is free.
func enter(t *testing.T, q *Queue) *Run {
	t.Helper()
	run, err := q.Enter(context.Background(), one)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// about allows for what rounding does in package predict.
func about(got, want time.Duration) bool { return (got - want).Abs() <= want/1000 }

// after gives a queue of one run that has learned how long a run takes.
func after(t *testing.T, service time.Duration, most int) *Queue {
	t.Helper()
	q := New(Bounds{Concurrent: 1, Waiting: most, PerMegapixel: time.Second})
	run := enter(t, q)
	<-time.After(service)
	run.Served()
	run.Leave()
	return q
}

func TestAFullQueueRefusesAtOnceWithATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := after(t, 4*time.Second, 1)
		first := enter(t, q)
		waited := make(chan error, 1)
		go func() {
			second, err := q.Enter(context.Background(), one)
			if err == nil {
				second.Leave()
			}
			waited <- err
		}()
		synctest.Wait()
		if got := q.Load().Backlog; !about(got, 8*time.Second) {
			t.Errorf("backlog %s, want two runs of 4 s", got)
		}
		_, err := q.Enter(context.Background(), one)
		var full *FullError
		if !errors.As(err, &full) || !about(full.Expected, 8*time.Second) || full.Waiting != 1 {
			t.Errorf("a third request: %v, want a refusal that expects 8 s", err)
		}
		first.Leave()
		if err := <-waited; err != nil {
			t.Errorf("the waiting request: %v", err)
		}
	})
}

func TestARequestThatCannotBeInTimeIsRefusedBeforeItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := after(t, 10*time.Second, 10)
		enter(t, q)
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		var full *FullError
		if _, err := q.Enter(short, one); !errors.As(err, &full) || time.Since(start) != 0 {
			t.Errorf("%v after %s, want a refusal at once", err, time.Since(start))
		}
	})
}

func TestRunsAreGivenInTheOrderOfArrivalPastThoseWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 100, PerMegapixel: time.Second})
		first := enter(t, q)
		var got, want []int
		var left []context.CancelFunc
		var all sync.WaitGroup
		for i := range 50 {
			ctx, leave := context.WithCancel(context.Background())
			defer leave()
			if i%3 == 1 {
				left = append(left, leave)
			} else {
				want = append(want, i)
			}
			all.Go(func() {
				run, err := q.Enter(ctx, one)
				if err != nil {
					return
				}
				got = append(got, i)
				<-time.After(time.Second)
				run.Leave()
			})
			synctest.Wait()
		}
		for _, leave := range left {
			leave()
		}
		synctest.Wait()
		if q.Waiting() != len(want) {
			t.Errorf("%d wait after some have left, want %d", q.Waiting(), len(want))
		}
		first.Leave()
		all.Wait()
		if !slices.Equal(got, want) {
			t.Errorf("the order is %v, want that of arrival %v", got, want)
		}
	})
}

func TestAClientThatLeavesMakesRoomForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 1, PerMegapixel: time.Second})
		first := enter(t, q)
		gone, leave := context.WithCancel(context.Background())
		failed, entered := make(chan error, 1), make(chan error, 1)
		go func() { _, err := q.Enter(gone, one); failed <- err }()
		synctest.Wait()
		if _, err := q.Enter(context.Background(), one); err == nil {
			t.Error("a second request waits in a queue for one")
		}
		leave()
		if err := <-failed; !errors.Is(err, context.Canceled) || q.Waiting() != 0 {
			t.Errorf("%v, %d waiting; want %v, none", err, q.Waiting(), context.Canceled)
		}
		go func() { _, err := q.Enter(context.Background(), one); entered <- err }()
		synctest.Wait()
		first.Leave()
		if err := <-entered; err != nil {
			t.Errorf("the request that came after it: %v", err)
		}
	})
}

func TestARequestWithoutAClientTakesNoRun(t *testing.T) {
	gone, leave := context.WithCancel(context.Background())
	leave()
	q := New(Bounds{Concurrent: 1, Waiting: 1, PerMegapixel: time.Second})
	if _, err := q.Enter(gone, one); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	enter(t, q)
}

// The turn and the end of the wait fall into the same moment; whoever wins, no run may be lost.
func TestATurnThatComesTooLateIsTheNextOnes(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			q := New(Bounds{Concurrent: 1, Waiting: 10, PerMegapixel: time.Second})
			first := enter(t, q)
			var all sync.WaitGroup
			for i := range 4 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+i%2)*time.Second)
				defer cancel()
				all.Go(func() {
					if run, err := q.Enter(ctx, one); err == nil {
						run.Leave()
					}
				})
			}
			<-time.After(time.Second)
			first.Leave()
			all.Wait()
			if len(q.runs) != 0 || q.waiting.Len() != 0 {
				t.Fatalf("%d runs are taken and %d requests wait when all have left", len(q.runs), q.waiting.Len())
			}
		})
	}
}

// Requests of random patience and length, more than the queue can serve: none waits past its deadline, no more run than may, none is lost.
func TestNoRequestWaitsLongerThanItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const concurrent, most = 3, 20
		q := New(Bounds{Concurrent: concurrent, Waiting: most, PerMegapixel: time.Second})
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		var running atomic.Int64
		outcomes := map[string]int{}
		var all sync.WaitGroup
		for range 2000 {
			patience, length := time.Duration(random.IntN(4000))*time.Millisecond, time.Duration(random.IntN(900))*time.Millisecond
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				start := time.Now()
				run, err := q.Enter(ctx, one)
				waited := time.Since(start)
				mu.Lock()
				outcomes[outcome(err)]++
				mu.Unlock()
				if waited > patience {
					t.Errorf("it waited %s with a patience of %s: %v", waited, patience, err)
				}
				if err != nil {
					return
				}
				if now := running.Add(1); now > concurrent {
					t.Errorf("%d runs at once", now)
				}
				<-time.After(length)
				running.Add(-1)
				run.Served()
				run.Leave()
			})
			<-time.After(time.Duration(random.IntN(200)) * time.Millisecond)
		}
		all.Wait()
		if len(q.runs) != 0 || q.Waiting() != 0 {
			t.Errorf("%d runs are taken and %d requests wait when all have left", len(q.runs), q.Waiting())
		}
		for _, kind := range []string{"entered", "full", "late"} {
			if outcomes[kind] == 0 {
				t.Errorf("no request of this kind, so the test is blind: %s of %v", kind, outcomes)
			}
		}
	})
}

func outcome(err error) string {
	var full *FullError
	switch {
	case err == nil:
		return "entered"
	case errors.As(err, &full):
		return "full"
	}
	return "late"
}

func TestRunsThatFailFastDoNotMakeTheModelServerLookFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 10, PerMegapixel: time.Second})
		fail := func() {
			run := enter(t, q)
			<-time.After(time.Millisecond)
			run.Leave()
		}
		fail()
		run := enter(t, q)
		<-time.After(8 * time.Second)
		run.Served()
		run.Leave()
		for range 50 {
			fail()
		}
		run = enter(t, q)
		if got := q.Load().Backlog; !about(got, 8*time.Second) {
			t.Errorf("backlog %s, want 8 s", got)
		}
		<-time.After(16 * time.Second)
		run.Leave()
		enter(t, q)
		if got := q.Load().Backlog; got < 9*time.Second || got > 16*time.Second {
			t.Errorf("after a failure of 16 s the backlog is %s, want more than 8 s: an answer takes no less", got)
		}
	})
}

func TestWorkThatCanWaitGetsInOnlyWhenNobodyRuns(t *testing.T) {
	q := New(Bounds{Concurrent: 2, Waiting: 4, PerMegapixel: time.Second})
	run := enter(t, q)
	if q.TryEnter(one.Shape) != nil {
		t.Error("let in beside a run")
	}
	run.Leave()
	spare := q.TryEnter(one.Shape)
	if spare == nil {
		t.Fatal("refused by an idle queue")
	}
	if q.TryEnter(one.Shape) != nil {
		t.Error("let in twice")
	}
	// It holds one of two runs: a shopper does not wait for it.
	enter(t, q).Leave()
	spare.Leave()
	if len(q.runs) != 0 {
		t.Errorf("%d runs are left", len(q.runs))
	}
}

func TestARunKnowsAtItsBeginningWhetherItHasTheModelServerForItself(t *testing.T) {
	q := New(Bounds{Concurrent: 1, Waiting: 4, PerMegapixel: time.Second})
	leave := func(answered, want bool) {
		t.Helper()
		run := enter(t, q)
		if run.Alone() != want {
			t.Errorf("alone: %t, want %t", run.Alone(), want)
		}
		if answered {
			run.Served()
		}
		run.Leave()
	}
	leave(true, true)
	leave(false, true)
	// The model server may still be at the one before.
	leave(true, false)
	leave(true, true)
	spare := q.TryEnter(one.Shape)
	if !spare.Alone() {
		t.Error("work that can wait is not alone")
	}
}

// What comes while a run is under way comes rather beside long runs than short ones. Where that can slow a run, no time is a request's own; it is not
// that of those only which nobody came to.
func TestWhereSeveralMayRunNoneIsEverAlone(t *testing.T) {
	q := New(Bounds{Concurrent: 2, Waiting: 4, PerMegapixel: time.Second})
	run := enter(t, q)
	defer run.Leave()
	if run.Alone() {
		t.Error("the only run of two is alone")
	}
}
