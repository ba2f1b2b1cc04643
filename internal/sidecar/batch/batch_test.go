package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/scale/predict"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/queue"
)

var shape = predict.Shape{Height: 256, Width: 192, Batch: 1}

// server is a model server that takes a second for a run and answers each row with itself. What a real one does is tested with the sidecar.
type server struct {
	most   int
	answer func(rows []oip.TryOn) error

	mu    sync.Mutex
	asked []string
}

func (s *server) Batch() int { return s.most }

func (s *server) TryOn(ctx context.Context, rows []oip.TryOn) ([]oip.Result, error) {
	names := ""
	out := make([]oip.Result, 0, len(rows))
	for _, row := range rows {
		names += string(row.Person)
		out = append(out, oip.Result{Image: row.Person})
	}
	s.mu.Lock()
	s.asked = append(s.asked, names)
	s.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, problem.Ended(ctx, "It was cut off.")
	}
	if s.answer != nil {
		if err := s.answer(rows); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// world is a batcher with those who wait for it.
type world struct {
	*Batcher
	t       *testing.T
	server  *server
	mu      sync.Mutex
	ran     map[string][]int
	answers map[string]Answer
	errs    map[string]error
}

func begin(t *testing.T, most int, answer func(rows []oip.TryOn) error) *world {
	w := &world{t: t, server: &server{most: most, answer: answer}, ran: map[string][]int{}, answers: map[string]Answer{}, errs: map[string]error{}}
	q := queue.New(queue.Bounds{Concurrent: 1, Waiting: 50, PerMegapixel: time.Millisecond})
	w.Batcher = New(q, w.server, shape, func(outcome string, requests int) {
		w.mu.Lock()
		w.ran[outcome] = append(w.ran[outcome], requests)
		w.mu.Unlock()
	})
	return w
}

// asks has each letter's request come, in their order.
func (w *world) asks(ctx context.Context, names string) {
	for _, name := range names {
		w.ask(ctx, oip.TryOn{Person: []byte(string(name))})
	}
}

func (w *world) ask(ctx context.Context, row oip.TryOn) {
	go func() {
		answer, err := w.TryOn(ctx, row)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.answers[string(row.Person)], w.errs[string(row.Person)] = answer, err
	}()
	synctest.Wait()
}

// end waits until all have their answers, and checks who was asked with whom.
func (w *world) end(wantAsked ...string) {
	w.t.Helper()
	<-time.After(time.Minute)
	synctest.Wait()
	if diff := cmp.Diff(wantAsked, w.server.asked); diff != "" {
		w.t.Error(diff)
	}
	if w.queue.Waiting() != 0 || w.queue.TryEnter(shape) == nil {
		w.t.Error("a run is left in the model server")
	}
}

// wantAnswers checks that these have their own answers, and those alone.
func (w *world) wantAnswers(names string) {
	w.t.Helper()
	got := ""
	for name, err := range w.errs {
		if err != nil {
			continue
		}
		got += name
		if out := string(w.answers[name].Out.Image); out != name {
			w.t.Errorf("%s got the answer of %s", name, out)
		}
	}
	if chars := []byte(got); string(slices.Sorted(slices.Values(chars))) != names {
		w.t.Errorf("answered: %q, want %q; %v", chars, names, w.errs)
	}
}

func (w *world) wantCode(name string, want problem.Code) {
	w.t.Helper()
	if got := problem.Of(w.errs[name]).Code; w.errs[name] == nil || got != want {
		w.t.Errorf("%s: %v, want %s", name, w.errs[name], want)
	}
}

func has(rows []oip.TryOn, name string) bool {
	return slices.ContainsFunc(rows, func(row oip.TryOn) bool { return string(row.Person) == name })
}

func TestThoseWhoWaitedTogetherGetTheirOwnAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 4, nil)
		w.asks(t.Context(), "abcdefg")
		w.end("a", "bcde", "fg")
		w.wantAnswers("abcdefg")
		if a, b := w.answers["a"], w.answers["b"]; !a.Alone || a.Took != time.Second || b.Alone || b.Took != time.Second || b.Began.Sub(a.Began) != time.Second {
			t.Errorf("the lone one %+v, a shared one %+v: only the first time is that of one request", a, b)
		}
		if diff := cmp.Diff(map[string][]int{Answered: {1, 4, 2}}, w.ran); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAModelServerThatTakesOneIsAskedForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 1, nil)
		w.asks(t.Context(), "abc")
		w.end("a", "b", "c")
		w.wantAnswers("abc")
	})
}

func TestARequestWithASeedIsAskedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 4, nil)
		w.asks(t.Context(), "ab")
		w.ask(t.Context(), oip.TryOn{Person: []byte("c"), Parameters: map[string]any{"seed": int64(7)}})
		w.asks(t.Context(), "d")
		w.end("a", "bd", "c")
		w.wantAnswers("abcd")
	})
}

func TestOnlyThePoisonedMemberFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		poisoned := problem.New(problem.CodeRuntimeFailed, "It answered with an error.")
		w := begin(t, 8, func(rows []oip.TryOn) error {
			if has(rows, "c") {
				return poisoned
			}
			return nil
		})
		w.asks(t.Context(), "abcd")
		w.end("a", "bcd", "b", "c", "d")
		w.wantAnswers("abd")
		w.wantCode("c", problem.CodeRuntimeFailed)
		if diff := cmp.Diff(map[string][]int{Answered: {1, 1, 1}, Isolated: {3}, Failed: {1}}, w.ran); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAModelServerThatIsDownIsNotAskedAgainForEveryMember(t *testing.T) {
	for _, code := range []problem.Code{problem.CodeRuntimeUnavailable, problem.CodeOverloaded, problem.CodeDeadlineExceeded} {
		t.Run(string(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, 8, func(rows []oip.TryOn) error {
					if has(rows, "b") {
						return problem.New(code, "Not now.")
					}
					return nil
				})
				w.asks(t.Context(), "abcdefg")
				w.end("a", "bcdefg")
				w.wantAnswers("a")
				for _, name := range "bcdefg" {
					w.wantCode(string(name), code)
				}
			})
		})
	}
}

func TestAModelServerThatDiesWhileMembersAreIsolatedIsLeftInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 8, func(rows []oip.TryOn) error {
			switch {
			case len(rows) > 1:
				return problem.New(problem.CodeRuntimeFailed, "It answered with an error.")
			case has(rows, "c"):
				return problem.New(problem.CodeRuntimeUnavailable, "It does not answer.")
			}
			return nil
		})
		w.asks(t.Context(), "abcdef")
		w.end("a", "bcdef", "b", "c")
		w.wantAnswers("ab")
		for _, name := range "cdef" {
			w.wantCode(string(name), problem.CodeRuntimeUnavailable)
		}
	})
}

func TestAMemberThatLeftBeforeTheRunIsNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 8, nil)
		gone, leave := context.WithCancel(t.Context())
		w.asks(t.Context(), "ab")
		w.asks(gone, "c")
		w.asks(t.Context(), "d")
		leave()
		w.end("a", "bd")
		w.wantAnswers("abd")
		if !errors.Is(w.errs["c"], context.Canceled) || !w.answers["c"].Began.IsZero() {
			t.Errorf("who left: %v, began %s", w.errs["c"], w.answers["c"].Began)
		}
	})
}

func TestAMemberThatLeavesWithItsTurnIsLeftOut(t *testing.T) {
	for leaving, want := range map[string]string{"a": "bc", "b": "ac", "c": "ab"} {
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, 8, nil)
			run := w.queue.TryEnter(shape)
			gone, leave := context.WithCancel(t.Context())
			for _, name := range []string{"a", "b", "c"} {
				ctx := t.Context()
				if name == leaving {
					ctx = gone
				}
				w.asks(ctx, name)
			}
			// Both in one moment: the queue cannot know yet that it has gone.
			leave()
			run.Leave()
			w.end(want)
			w.wantAnswers(want)
			if w.errs[leaving] == nil {
				t.Errorf("%s has left and got an answer", leaving)
			}
		})
	}
}

func TestTheAnswerOfAMemberThatLeavesDuringTheRunIsThrownAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 8, nil)
		first, leave := context.WithCancel(t.Context())
		w.asks(t.Context(), "a")
		w.asks(first, "b")
		w.asks(t.Context(), "cd")
		<-time.After(1500 * time.Millisecond)
		start := time.Now()
		// The first of them: the others must not go with it.
		leave()
		synctest.Wait()
		w.mu.Lock()
		if err := w.errs["b"]; err == nil || time.Since(start) != 0 {
			t.Errorf("who left got %v after %s", err, time.Since(start))
		}
		w.mu.Unlock()
		w.end("a", "bcd")
		w.wantAnswers("acd")
		w.wantCode("b", problem.CodeClientGone)
	})
}

func TestARunIsCutOffWhenItsLastMemberHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 8, nil)
		first, leave := context.WithCancel(t.Context())
		w.asks(t.Context(), "a")
		w.asks(first, "bc")
		<-time.After(1500 * time.Millisecond)
		leave()
		synctest.Wait()
		if w.queue.TryEnter(shape) == nil {
			t.Error("a run goes on for which nobody waits")
		}
	})
}

func TestAMembersDeadlineIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 8, nil)
		short, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		w.asks(t.Context(), "ab")
		w.asks(short, "c")
		w.end("a", "bc")
		w.wantAnswers("ab")
		w.wantCode("c", problem.CodeDeadlineExceeded)
	})
}

func TestAPanicFailsTheMembersAndNotThePod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 8, func(rows []oip.TryOn) error {
			if len(rows) > 1 {
				panic("a bug")
			}
			return nil
		})
		w.asks(t.Context(), "abc")
		w.end("a", "bc")
		w.wantAnswers("a")
		w.wantCode("b", problem.CodeInternal)
	})
}

func TestWhoIsAskedAgainIsAskedAloneAndOnlyWhenTheModelServerIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 8, func(rows []oip.TryOn) error {
			if has(rows, "b") {
				return problem.New(problem.CodeRuntimeUnavailable, "It does not answer.")
			}
			return nil
		})
		w.queue = queue.New(queue.Bounds{Concurrent: 2, Waiting: 50, PerMegapixel: time.Millisecond})
		begun := time.Now()
		// The model server is away for ten seconds.
		back := func(ctx context.Context) error {
			select {
			case <-time.After(time.Until(begun.Add(10 * time.Second))):
				return nil
			case <-ctx.Done():
				return problem.Ended(ctx, "It stays away.")
			}
		}
		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var order []string
		again := func(ctx context.Context, name string) {
			go func() {
				answer, err := w.Again(ctx, oip.TryOn{Person: []byte(name)}, back)
				w.mu.Lock()
				defer w.mu.Unlock()
				w.answers[name], w.errs[name] = answer, err
				order = append(order, name+"@"+time.Since(begun).String())
			}()
			synctest.Wait()
		}
		for _, name := range []string{"a", "b", "c"} {
			again(t.Context(), name)
		}
		again(short, "d")
		w.end("a", "b", "c")
		w.wantAnswers("ac")
		w.wantCode("b", problem.CodeRuntimeUnavailable)
		if !errors.Is(w.errs["d"], context.DeadlineExceeded) {
			t.Errorf("who could not wait: %v", w.errs["d"])
		}
		if diff := cmp.Diff([]string{"d@3s", "a@11s", "b@12s", "c@13s"}, order); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhoIsAskedAgainOfAModelServerThatStaysAwayLeavesItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 8, nil)
		away := problem.New(problem.CodeRuntimeUnavailable, "It stays away.")
		answer, err := w.Again(t.Context(), oip.TryOn{Person: []byte("a")}, func(context.Context) error { return away })
		if !errors.Is(err, away) || answer.Began.IsZero() {
			t.Errorf("%+v, %v", answer, err)
		}
		w.asks(t.Context(), "b")
		w.end("b")
		w.wantAnswers("b")
	})
}

// Members come and go at random; each gets its own answer or leaves, and nothing is left behind.
func TestNoMemberIsLostInACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, 5, func(rows []oip.TryOn) error {
			if len(rows) > 1 && has(rows, "q") {
				return problem.New(problem.CodeRuntimeFailed, "It answered with an error.")
			}
			return nil
		})
		var all sync.WaitGroup
		for i := range 300 {
			patience := time.Duration(1+i*7919%60) * time.Second / 2
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				name := string(rune('a' + i%26))
				start := time.Now()
				answer, err := w.TryOn(ctx, oip.TryOn{Person: []byte(name)})
				if err == nil && string(answer.Out.Image) != name {
					t.Errorf("%s got the answer of %s", name, answer.Out.Image)
				}
				if took := time.Since(start); took > patience {
					t.Errorf("it took %s with a patience of %s", took, patience)
				}
			})
			<-time.After(time.Duration(i*104729%400) * time.Millisecond)
		}
		all.Wait()
		synctest.Wait()
		if w.queue.Waiting() != 0 || w.queue.TryEnter(shape) == nil {
			t.Error("a run is left in the model server")
		}
	})
}
