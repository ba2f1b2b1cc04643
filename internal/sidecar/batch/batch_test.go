package batch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/queue"
)

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
