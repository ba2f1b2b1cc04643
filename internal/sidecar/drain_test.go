package sidecar

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
)

func TestADrainWaitsForTheQuietWindowAfterTheLastRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newActivity()
		end, _ := a.begin()
		start := time.Now()
		done := make(chan time.Duration)
		go func() { a.drain(context.Background(), 3*time.Second); done <- time.Since(start) }()
		time.AfterFunc(10*time.Second, end)
		time.AfterFunc(12*time.Second, func() {
			if again, ok := a.begin(); ok {
				again()
			} else {
				t.Error("a request during the drain is refused")
			}
		})
		if took := <-done; took != 15*time.Second {
			t.Errorf("the drain took %s, want 12 s and the window of 3 s", took)
		}
		if _, ok := a.begin(); ok {
			t.Error("a request after the drain is let in")
		}
	})
}

func TestADrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newActivity()
		if _, ok := a.begin(); !ok {
			t.Fatal("not begun")
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		start := time.Now()
		a.drain(ctx, 3*time.Second)
		if took := time.Since(start); took != time.Minute || a.now() != closed {
			t.Errorf("it took %s, phase %v; want a minute, closed", took, a.now())
		}
	})
}

func TestAStopUnderLoadFailsNoRequest(t *testing.T) {
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.Quiet = 200 * time.Millisecond })
	contentType, body := form(t, usual(t))
	var answered, failed atomic.Int64
	leave := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			// Each client is a proxy that goes on until its endpoint is gone.
			for {
				select {
				case <-leave:
					return
				default:
				}
				resp, _ := post(t, p.front, contentType, body)
				if resp.StatusCode == http.StatusOK {
					answered.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	until(t, "load", func() bool { return answered.Load() > 8 })
	stopped := make(chan error, 1)
	go func() { stopped <- p.stop() }()
	until(t, "draining", func() bool { return p.activity.now() == draining })
	if err := p.ready(); err == nil {
		t.Error("a draining pod is ready")
	}
	seen := answered.Load()
	until(t, "requests during the drain", func() bool { return answered.Load() > seen+8 })
	close(leave)
	wg.Wait()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if failed.Load() != 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), failed.Load()+answered.Load())
	}
}

func TestARequestAfterTheDrainIsToldSo(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.front, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.activity.drain(ctx, time.Hour)
	// A keep-alive connection from before, on which a request comes too late.
	if _, err := fmt.Fprint(conn, "POST /v1/tryon HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if code, err := codeOf(resp, out); err != nil || code != CodeDraining || resp.Header.Get("Retry-After") == "" || !resp.Close {
		t.Errorf("code %s, %v, %v; want %s, Retry-After and a closed connection", code, err, resp.Header, CodeDraining)
	}
}

func TestAFullQueueRefusesAtOnceWithATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 1)
		leave, err := q.enter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(4 * time.Second)
		leave()
		leave, err = q.enter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() {
			second, err := q.enter(context.Background())
			if err == nil {
				second()
			}
			waited <- err
		}()
		synctest.Wait()
		if got := q.backlog(); got != 8*time.Second {
			t.Errorf("backlog %s, want two runs of 4 s", got)
		}
		_, err = q.enter(context.Background())
		var p *Problem
		if !errors.As(err, &p) || p.Code != CodeOverloaded || p.RetryAfter != 8*time.Second {
			t.Errorf("a third request: %v, want %s after 8 s", err, CodeOverloaded)
		}
		leave()
		if err := <-waited; err != nil {
			t.Errorf("the waiting request: %v", err)
		}
	})
}

func TestARequestThatCannotBeInTimeIsRefusedBeforeItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 10)
		leave, _ := q.enter(context.Background())
		<-time.After(10 * time.Second)
		leave()
		_, err := q.enter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := q.enter(short); problemOf(err).Code != CodeOverloaded || time.Since(start) != 0 {
			t.Errorf("%v after %s, want %s at once", err, time.Since(start), CodeOverloaded)
		}
	})
}

func TestAWaitEndsWithItsDeadlineOrItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 10)
		if _, err := q.enter(context.Background()); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := q.enter(short); problemOf(err).Code != CodeDeadlineExceeded {
			t.Errorf("%v, want %s", err, CodeDeadlineExceeded)
		}
		gone, leave := context.WithCancel(context.Background())
		leave()
		if _, err := q.enter(gone); problemOf(err).Code != CodeClientGone || q.waitingNow() != 0 {
			t.Errorf("%v, %d waiting; want %s, none", err, q.waitingNow(), CodeClientGone)
		}
	})
}
