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
)

// enter takes a run that is free.
func enter(t *testing.T, q *Queue) *Run {
	t.Helper()
	run, err := q.Enter(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// after gives a queue of one run that has learned how long a run takes.
func after(t *testing.T, service time.Duration, most int) *Queue {
	t.Helper()
	q := New(1, most)
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
			second, err := q.Enter(context.Background())
			if err == nil {
				second.Leave()
			}
			waited <- err
		}()
		synctest.Wait()
		if got := q.Backlog(); got != 8*time.Second {
			t.Errorf("backlog %s, want two runs of 4 s", got)
		}
		_, err := q.Enter(context.Background())
		var full *FullError
		if !errors.As(err, &full) || full.Expected != 8*time.Second || full.Waiting != 1 {
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
		if _, err := q.Enter(short); !errors.As(err, &full) || time.Since(start) != 0 {
			t.Errorf("%v after %s, want a refusal at once", err, time.Since(start))
		}
	})
}

func TestRunsAreGivenInTheOrderOfArrivalPastThoseWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 100)
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
				run, err := q.Enter(ctx)
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
		q := New(1, 1)
		first := enter(t, q)
		gone, leave := context.WithCancel(context.Background())
		failed, entered := make(chan error, 1), make(chan error, 1)
		go func() { _, err := q.Enter(gone); failed <- err }()
		synctest.Wait()
		if _, err := q.Enter(context.Background()); err == nil {
			t.Error("a second request waits in a queue for one")
		}
		leave()
		if err := <-failed; !errors.Is(err, context.Canceled) || q.Waiting() != 0 {
			t.Errorf("%v, %d waiting; want %v, none", err, q.Waiting(), context.Canceled)
		}
		go func() { _, err := q.Enter(context.Background()); entered <- err }()
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
	q := New(1, 1)
	if _, err := q.Enter(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	enter(t, q)
}

// The turn and the end of the wait fall into the same moment; whoever wins, no run may be lost.
func TestATurnThatComesTooLateIsTheNextOnes(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			q := New(1, 10)
			first := enter(t, q)
			var all sync.WaitGroup
			for i := range 4 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+i%2)*time.Second)
				defer cancel()
				all.Go(func() {
					if run, err := q.Enter(ctx); err == nil {
						run.Leave()
					}
				})
			}
			<-time.After(time.Second)
			first.Leave()
			all.Wait()
			if q.running != 0 || q.waiting.Len() != 0 {
				t.Fatalf("%d runs are taken and %d requests wait when all have left", q.running, q.waiting.Len())
			}
		})
	}
}

// Requests of random patience and length, more than the queue can serve: none waits past its deadline, no more run than may, none is lost.
func TestNoRequestWaitsLongerThanItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const concurrent, most = 3, 20
		q := New(concurrent, most)
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
				run, err := q.Enter(ctx)
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
		if q.running != 0 || q.Waiting() != 0 {
			t.Errorf("%d runs are taken and %d requests wait when all have left", q.running, q.Waiting())
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
		q := New(1, 10)
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
		if run := enter(t, q); q.Backlog() != 8*time.Second {
			t.Errorf("backlog %s, want 8 s", q.Backlog())
		} else {
			<-time.After(16 * time.Second)
			run.Leave()
		}
		enter(t, q)
		if q.Backlog() != 9*time.Second {
			t.Errorf("after a failure of 16 s the backlog is %s, want an eighth of the way there", q.Backlog())
		}
	})
}

func TestWorkThatCanWaitGetsInOnlyWhenNobodyRuns(t *testing.T) {
	q := New(2, 4)
	run := enter(t, q)
	if q.TryEnter() != nil {
		t.Error("let in beside a run")
	}
	run.Leave()
	spare := q.TryEnter()
	if spare == nil {
		t.Fatal("refused by an idle queue")
	}
	if q.TryEnter() != nil {
		t.Error("let in twice")
	}
	// It holds one of two runs: a shopper does not wait for it.
	enter(t, q).Leave()
	spare.Leave()
	if q.running != 0 {
		t.Errorf("%d runs are left", q.running)
	}
}

func TestARunKnowsWhetherItHadTheModelServerForItself(t *testing.T) {
	q := New(2, 4)
	first := enter(t, q)
	if !first.Alone() {
		t.Error("the only run is not alone")
	}
	second := enter(t, q)
	if first.Alone() || second.Alone() {
		t.Error("one of two runs is alone")
	}
	first.Leave()
	if second.Alone() {
		t.Error("a run that began beside another is alone")
	}
	second.Leave()
	third := enter(t, q)
	if !third.Alone() {
		t.Error("the next run is not alone")
	}
	third.Leave()
}
