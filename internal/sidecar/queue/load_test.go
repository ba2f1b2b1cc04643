package queue

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// near tells whether a figure is what it should be within a part.
func near(got, want, part float64) bool { return math.Abs(got-want) <= part*want }

// work enters, works for some time and leaves.
func work(t *testing.T, q *Queue, ask Ask, length time.Duration) {
	t.Helper()
	run, err := q.Enter(context.Background(), ask)
	if err != nil {
		t.Error(err)
		return
	}
	<-time.After(length)
	run.Served()
	run.Leave()
}

func TestTheBacklogIsTheWorkThatLiesAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 10, PerMegapixel: time.Second})
		q.Learn(one.Shape, time.Second)
		q.Learn(two.Shape, 1500*time.Millisecond)
		run := enter(t, q)
		for _, ask := range []Ask{one, two, one} {
			go work(t, q, ask, 0)
			synctest.Wait()
		}
		if got := q.Load().Backlog; !about(got, 4500*time.Millisecond) {
			t.Errorf("backlog %s, want the run's second and 1 s, 1.5 s and 1 s before it", got)
		}
		<-time.After(400 * time.Millisecond)
		if got := q.Load().Backlog; !about(got, 4100*time.Millisecond) {
			t.Errorf("0.4 s later the backlog is %s, want 4.1 s", got)
		}
		<-time.After(1600 * time.Millisecond)
		if got := q.Load().Backlog; !about(got, 4500*time.Millisecond) {
			t.Errorf("when the run takes a second longer than expected the backlog is %s, want as much again expected", got)
		}
		run.Leave()
		synctest.Wait()
		if got := q.Load().Backlog; got != 0 {
			t.Errorf("backlog of an idle queue: %s", got)
		}
	})
}

func TestARequestIsRefusedWhenItCouldOnlyBeCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 10, PerMegapixel: time.Second})
		q.Learn(one.Shape, 2*time.Second)
		defer enter(t, q).Leave()
		for patience, want := range map[time.Duration]string{3 * time.Second: "full", 5 * time.Second: "late"} {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_, err := q.Enter(ctx, one)
			cancel()
			if got := outcome(err); got != want {
				t.Errorf("2 s before it and 2 s of its own, patience %s: %v, want %s", patience, err, want)
			}
		}
	})
}

// What comes and what is done are the same work as long as nothing waits for ever, in whatever way the model server works on two at once.
func TestArrivalsAndBusyAreTheSameWork(t *testing.T) {
	for name, serial := range map[string]bool{"a model server that works on two at once": false, "one that has the second wait": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := New(Bounds{Concurrent: 2, Waiting: 50, PerMegapixel: time.Second})
				device := make(chan struct{}, 1)
				random := rand.New(rand.NewPCG(3, 4))
				var all sync.WaitGroup
				var load Load
				for range 1200 {
					all.Go(func() {
						run := enter(t, q)
						defer run.Leave()
						run.Served()
						if serial {
							device <- struct{}{}
							defer func() { <-device }()
						}
						<-time.After(200 * time.Millisecond)
					})
					<-time.After(time.Duration(random.ExpFloat64() * float64(400*time.Millisecond)))
					now := q.Load()
					load.Arrivals += now.Arrivals / 1200
					load.Busy += now.Busy / 1200
				}
				all.Wait()
				// 0.2 s of work every 0.4 s; where two go at once, less than half of the time.
				if !near(load.Busy, 0.5, 0.25) || !near(load.Arrivals, load.Busy, 0.1) {
					t.Errorf("arrivals %.3f, busy %.3f, want the same, about a half", load.Arrivals, load.Busy)
				}
			})
		})
	}
}

func TestRefusedRequestsCountAsArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 1, PerMegapixel: time.Second})
		q.Learn(one.Shape, time.Second)
		go work(t, q, one, time.Hour)
		synctest.Wait()
		go work(t, q, one, time.Hour)
		for range 10 * 5 {
			<-time.After(200 * time.Millisecond)
			if _, err := q.Enter(context.Background(), one); outcome(err) != "full" {
				t.Fatalf("%v, want a refusal", err)
			}
		}
		q.Refused(one)
		load := q.Load()
		if !near(load.Arrivals, 5, 0.1) || !near(load.Busy, 1, 0.01) {
			t.Errorf("arrivals %.2f and busy %.2f, want 5 pods' work and a pod that does one's", load.Arrivals, load.Busy)
		}
		<-time.After(2 * time.Hour)
		if load := q.Load(); load.Arrivals != 0 || load.Busy != 0 {
			t.Errorf("long after: %+v, want nothing", load)
		}
	})
}

func TestWorkThatMayWaitIsNoLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 2, Waiting: 1, PerMegapixel: time.Second})
		for range 10 {
			run := q.TryEnter(one.Shape)
			<-time.After(time.Second)
			run.Served()
			run.Leave()
		}
		if load := q.Load(); load.Arrivals != 0 || load.Busy != 0 {
			t.Errorf("of copies alone: %+v, want nothing", load)
		}
		// A shopper beside a copy has half of the model server, and that half is load.
		run := q.TryEnter(one.Shape)
		work(t, q, one, 10*time.Second)
		if load := q.Load(); !near(load.Busy, 0.5, 0.05) {
			t.Errorf("busy %.2f beside a copy, want a half", load.Busy)
		}
		run.Leave()
	})
}

func TestAShopperWaitsForACopyAndNoPodIsStartedForThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 2, PerMegapixel: time.Second})
		q.Learn(one.Shape, 10*time.Second)
		run := q.TryEnter(one.Shape)
		if got := q.Load().Backlog; got != 0 {
			t.Errorf("backlog %s of a copy alone, want none", got)
		}
		go work(t, q, one, time.Second)
		synctest.Wait()
		if got := q.Load().Backlog; !about(got, 10*time.Second) {
			t.Errorf("backlog %s of a shopper behind a copy, want the shopper's 10 s", got)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		if _, err := q.Enter(ctx, one); outcome(err) != "full" {
			t.Errorf("%v, want a refusal: the copy's 10 s are in the way as well", err)
		}
		run.Leave()
		synctest.Wait()
		<-time.After(2 * time.Second)
	})
}

func TestAYoungPodDoesNotClaimMoreThanCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 1, PerMegapixel: time.Second})
		q.Learn(one.Shape, time.Second)
		<-time.After(time.Millisecond)
		go work(t, q, one, 500*time.Millisecond)
		synctest.Wait()
		if got := q.Load().Arrivals; got > 1 {
			t.Errorf("arrivals %.2f after one request of 1 s, want no more than came in a second", got)
		}
		<-time.After(2 * time.Second)
		if load := q.Load(); !near(load.Arrivals, 0.5, 0.01) || !near(load.Busy, 0.25, 0.01) {
			t.Errorf("%+v after 2 s, want 1 s of work of which 0.5 s were done", load)
		}
	})
}

func TestAModelServerThatHangsIsNotWaitedForByThoseWhoComeThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 100, PerMegapixel: time.Second})
		q.Learn(one.Shape, 100*time.Millisecond)
		hanging := enter(t, q)
		for _, want := range []string{"late", "full"} {
			<-time.After(time.Second)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			if _, err := q.Enter(ctx, one); outcome(err) != want {
				t.Errorf("%v, want %s", err, want)
			}
			cancel()
		}
		hanging.Leave()
	})
}

func TestARunThatWasSeveralTeachesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 1, PerMegapixel: time.Second})
		q.Learn(one.Shape, time.Second)
		run := enter(t, q)
		<-time.After(time.Minute)
		run.Spoil()
		run.Leave()
		if got := q.price(one); !about(got, time.Second) {
			t.Errorf("a request is %s of work, want 1 s", got)
		}
	})
}

func FuzzAnyHistoryGivesALoadThatCanBe(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 1))
		start := time.Unix(0, 0)
		m := meter{began: start, last: start}
		now, done := start, time.Duration(0)
		for range 300 {
			step := time.Duration(random.Int64N(int64(1) << random.IntN(40)))
			if m.running > 0 {
				done += step
			}
			now = now.Add(step)
			m.advance(now)
			m.running = random.IntN(4)
			m.shoppers = min(m.running, random.IntN(4))
			m.arrive(now, time.Duration(random.Int64N(int64(time.Minute))))
			if got := m.load(now); !(got.Arrivals >= 0 && got.Busy >= 0 && got.Busy <= 1) || math.IsInf(got.Arrivals, 0) {
				t.Fatalf("%+v", got)
			}
			if m.shared > done {
				t.Fatalf("one run did %s of the %s in which any ran", m.shared, done)
			}
		}
	})
}
