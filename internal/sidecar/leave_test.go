package sidecar

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/queue"
)

func TestAClientThatLeavesIsTakenFromTheQueueAndFromTheModelServer(t *testing.T) {
	p, fault := faulty(t, func(o *Options) { o.Concurrent = 1 })
	var asked atomic.Int64
	ended := make(chan struct{}, 1)
	fault(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		ended <- struct{}{}
	})
	contentType, body := form(t, usual(t))
	ask := func() (leave func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.front+"/v1/tryon", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", contentType)
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}()
		return func() { cancel(); <-done }
	}
	running := ask()
	until(t, "the first is with the model server", func() bool { return asked.Load() == 1 })
	waiting := ask()
	until(t, "the second waits", func() bool { return p.queue.Waiting() == 1 })
	waiting()
	until(t, "the second is gone", func() bool { return p.queue.Waiting() == 0 && p.activity.InFlight() == 1 })
	running()
	<-ended
	until(t, "the first is gone", func() bool { return p.activity.InFlight() == 0 })
	if got := asked.Load(); got != 1 {
		t.Errorf("the model server was asked %d times, want once", got)
	}
	// A request is counted when it is no longer in flight.
	until(t, "both are counted as gone", func() bool { return p.Status().Errors[string(problem.CodeClientGone)] == 2 })
	fault(nil)
	p.served(t)
}

func TestARequestIsAnsweredByItsDeadlineWhereverItWaits(t *testing.T) {
	p, fault := faulty(t, func(o *Options) { o.Concurrent, o.RequestTimeout = 1, 600*time.Millisecond })
	fault(hang)
	contentType, body := form(t, usual(t))
	type result struct {
		code problem.Code
		err  error
		took time.Duration
	}
	results := make(chan result, 4)
	for range cap(results) {
		go func() {
			start := time.Now()
			resp, out := post(t, p.front, contentType, body)
			code, err := codeOf(resp, out)
			results <- result{code, err, time.Since(start)}
		}()
	}
	for range cap(results) {
		// Overloaded: refused before it waits, since the first one has shown that a run takes longer than there is time.
		if r := <-results; r.err != nil || r.code != problem.CodeDeadlineExceeded && r.code != problem.CodeOverloaded || r.took > 5*time.Second {
			t.Errorf("code %s, %v after %s", r.code, r.err, r.took)
		}
	}
}

func TestWhoIsRefusedIsToldWhenTheBacklogIsWorkedOff(t *testing.T) {
	for expected, want := range map[time.Duration]time.Duration{200 * time.Millisecond: time.Second, 7200 * time.Millisecond: 8 * time.Second, time.Hour: 2 * time.Minute} {
		got := notRun(t.Context(), &queue.FullError{Waiting: 3, Expected: expected})
		if got.Code != problem.CodeOverloaded || got.RetryAfter != want {
			t.Errorf("%s of work: %s after %s, want %s after %s", expected, got.Code, got.RetryAfter, problem.CodeOverloaded, want)
		}
	}
}
