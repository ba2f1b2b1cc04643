package queue

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/scale/predict"
)

// crowd lets requests wait, in this order, behind a run, and tells who shared which run when it has left.
type crowd struct {
	t    *testing.T
	q    *Queue
	mu   sync.Mutex
	runs [][]any
}

func (c *crowd) tell(run ...any) {
	c.mu.Lock()
	c.runs = append(c.runs, run)
	c.mu.Unlock()
}

// waits lets a request wait: a small letter may share its run with up to most, a capital is another shape, anything else needs a run of its own.
func (c *crowd) waits(name string, most int, patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	c.t.Cleanup(cancel)
	ask := Ask{Shape: one.Shape, Member: name, Most: most}
	switch {
	case name >= "A" && name <= "Z":
		ask.Shape = predict.Shape{Height: 1024, Width: 768, Batch: 1}
	case name < "a" || name > "z":
		ask.Member = nil
	}
	go func() {
		run, err := c.q.Enter(ctx, ask)
		switch {
		case err != nil:
			c.tell(name, outcome(err))
			return
		case ask.Member == nil:
			c.tell(name)
		case run.Members()[0] == any(name):
			c.tell(run.Members()...)
		default:
			return
		}
		<-time.After(time.Second)
		run.Served()
		run.Leave()
	}()
	synctest.Wait()
}

func (c *crowd) want(runs ...[]any) {
	c.t.Helper()
	<-time.After(time.Minute)
	synctest.Wait()
	if diff := cmp.Diff(runs, c.runs); diff != "" {
		c.t.Error(diff)
	}
	if left := len(c.q.runs) + c.q.Waiting(); left != 0 || c.q.priced != 0 {
		c.t.Errorf("%d runs and requests and %s of work are left", left, c.q.priced)
	}
}

// behind gives a crowd that will wait behind a run, all runs being expected to be short.
func behind(t *testing.T) (c *crowd, first *Run) {
	c = &crowd{t: t, q: New(Bounds{Concurrent: 1, Waiting: 50, PerMegapixel: time.Millisecond})}
	return c, enter(t, c.q)
}

// slow has runs expected to take a second, and those of several a part of what eight take if that is more.
func (c *crowd) slow(eight time.Duration) {
	for batch := 1; batch <= 8; batch++ {
		for range 20 {
			c.q.Learn(together(one.Shape, batch), max(time.Second, time.Duration(batch)*eight/8))
		}
	}
}

func each(names string) [][]any {
	var runs [][]any
	for _, name := range names {
		runs = append(runs, []any{string(name)})
	}
	return runs
}

func TestARequestThatFindsTheModelServerIdleIsNotHeldForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 4, PerMegapixel: time.Second})
		start := time.Now()
		run, err := q.Enter(t.Context(), Ask{Shape: one.Shape, Member: "a", Most: 8})
		if err != nil || time.Since(start) != 0 {
			t.Fatalf("it began after %s: %v", time.Since(start), err)
		}
		if !run.Alone() {
			t.Error("it is not alone")
		}
		run.Leave()
	})
}

func TestThoseWhoWaitGoTogetherInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, first := behind(t)
		for _, name := range []string{"a", "b", "A", "c", "1", "d", "B", "e", "2"} {
			c.waits(name, 3, time.Hour)
		}
		first.Leave()
		// c goes with the first two, past A; nobody else passes anybody who could not come along.
		c.want([]any{"a", "b", "c"}, []any{"A", "B"}, []any{"1"}, []any{"d", "e"}, []any{"2"})
	})
}

func TestWithoutCompanyEveryRequestHasItsOwnRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, first := behind(t)
		for _, name := range []string{"a", "b", "c"} {
			c.waits(name, 1, time.Hour)
		}
		first.Leave()
		c.want(each("abc")...)
	})
}

func TestASharedRunIsNotAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 4, PerMegapixel: time.Second})
		first := enter(t, q)
		runs := make(chan *Run, 2)
		for _, name := range []string{"a", "b"} {
			go func() {
				run, _ := q.Enter(context.Background(), Ask{Shape: one.Shape, Member: name, Most: 2})
				runs <- run
			}()
			synctest.Wait()
		}
		first.Leave()
		run := <-runs
		if run != <-runs || len(run.Members()) != 2 || run.Alone() {
			t.Errorf("members %v, alone %t", run.Members(), run.Alone())
		}
		run.Keep(1)
		if want := one.Shape; run.shape != want {
			t.Errorf("when one has gone the shape is %+v, want %+v", run.shape, want)
		}
		run.Leave()
	})
}

func TestNobodyIsLateForCompany(t *testing.T) {
	for name, tt := range map[string]struct {
		// eight is what eight at once take; fewer take their part of it, but at least a second.
		eight    time.Duration
		patience []time.Duration
		want     [][]any
	}{
		"time enough":                       {8 * time.Second, []time.Duration{time.Hour, time.Hour, time.Hour, time.Hour}, [][]any{{"a", "b", "c", "d"}}},
		"the first one has time for two":    {8 * time.Second, []time.Duration{2500 * time.Millisecond, time.Hour, time.Hour, time.Hour}, [][]any{{"a", "b"}, {"c", "d"}}},
		"the second one has none for three": {8 * time.Second, []time.Duration{time.Hour, 2500 * time.Millisecond, time.Hour, time.Hour}, [][]any{{"a", "b"}, {"c", "d"}}},
		// Nobody of its shape passes the third one, who has no time for company when it is the first.
		"the third one has none for three": {8 * time.Second, []time.Duration{time.Hour, time.Hour, 2500 * time.Millisecond, time.Hour}, [][]any{{"a", "b"}, {"c"}, {"d"}}},
		"company costs nothing":            {time.Second, []time.Duration{1500 * time.Millisecond, 1500 * time.Millisecond, 1500 * time.Millisecond, time.Hour}, [][]any{{"a", "b", "c", "d"}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, first := behind(t)
				for i, patience := range tt.patience {
					c.waits(string(rune('a'+i)), 8, patience)
				}
				c.slow(tt.eight)
				first.Leave()
				c.want(tt.want...)
			})
		})
	}
}

// Whoever is late alone as well must not keep the others from going together.
func TestAHopelessRequestKeepsNobodyFromCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, first := behind(t)
		c.waits("a", 4, 500*time.Millisecond)
		c.waits("b", 4, time.Hour)
		c.waits("c", 4, time.Hour)
		c.slow(8 * time.Second)
		first.Leave()
		c.want([]any{"a", "b", "c"})
	})
}

func TestOneWhoLeftIsNotTakenAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, first := behind(t)
		c.waits("a", 4, time.Hour)
		c.waits("b", 4, 3*time.Second)
		c.waits("c", 4, time.Hour)
		<-time.After(5 * time.Second)
		first.Leave()
		c.want([]any{"b", "late"}, []any{"a", "c"})
	})
}

// The turn and the end of a member's wait fall into the same moment: whoever wins, its company gets its run.
func TestATurnThatComesTooLateForOneIsNotLostForTheOthers(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			c, first := behind(t)
			c.waits("a", 4, time.Second+time.Millisecond)
			c.waits("b", 4, time.Hour)
			<-time.After(time.Second + time.Millisecond)
			first.Leave()
			<-time.After(time.Minute)
			synctest.Wait()
			served := slices.ContainsFunc(c.runs, func(run []any) bool { return run[0] != "a" || len(run) == 2 && run[1] == "b" })
			if !served || len(c.q.runs) != 0 || c.q.Waiting() != 0 {
				t.Fatalf("%v, %d runs are left", c.runs, len(c.q.runs))
			}
		})
	}
}

// The more fit into a run, the less work each of them is: so the pod says what it can do when it has to, not what it does when it is idle.
func TestTheWorkOfARequestIsItsPartOfAFullRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Bounds{Concurrent: 1, Waiting: 40, PerMegapixel: time.Second})
		ask := Ask{Shape: one.Shape, Member: "a", Most: 4}
		q.Learn(one.Shape, time.Second)
		if got := q.price(ask); !about(got, time.Second) {
			t.Errorf("before a full run was seen a request is %s of work, want 1 s", got)
		}
		q.Learn(together(one.Shape, 4), 2*time.Second)
		if got := q.price(ask); !about(got, 500*time.Millisecond) {
			t.Errorf("when four take 2 s each is %s of work, want 0.5 s", got)
		}
		if got := q.price(one); !about(got, time.Second) {
			t.Errorf("one with a run of its own is %s of work, want 1 s", got)
		}
	})
}
