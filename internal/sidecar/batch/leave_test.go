package batch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

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
