package sidecar

import (
	"bufio"
	"context"
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
	"github.com/braincreators/tryon-operator/internal/sidecar/intake"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

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
	until(t, "draining", func() bool { return p.activity.Phase() == intake.Draining })
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
	p.activity.Drain(ctx, time.Hour)
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
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeDraining || resp.Header.Get("Retry-After") == "" || !resp.Close {
		t.Errorf("code %s, %v, %v; want %s, Retry-After and a closed connection", code, err, resp.Header, problem.CodeDraining)
	}
}

// piped is a listener whose connections never leave the process, so that they live in a bubble of synctest.
type piped struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *piped) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *piped) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *piped) Addr() net.Addr { return &net.UnixAddr{} }

func (p *piped) dial(context.Context, string, string) (net.Conn, error) {
	mine, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return mine, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func TestADrainThatTrafficKeepsUpAnswersWhomeverItLetsIn(t *testing.T) {
	for _, timeout := range []time.Duration{30 * time.Second, 2 * time.Minute} {
		t.Run(timeout.String(), func(t *testing.T) { drainUnderTraffic(t, timeout) })
	}
}

// drainUnderTraffic drains for half a minute more than requests may take, while they come that take nearly as long.
func drainUnderTraffic(t *testing.T, timeout time.Duration) {
	const slack = 30 * time.Second
	synctest.Test(t, func(t *testing.T) {
		s := &Server{
			options:  Options{Quiet: 5 * time.Second, RequestTimeout: timeout, DrainTimeout: timeout + slack},
			activity: intake.NewActivity(),
		}
		front := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := s.guarded(func() error { <-time.After(timeout - time.Second); return nil }); err != nil {
				problem.Of(err).Write(w)
			}
		})}
		listener := &piped{conns: make(chan net.Conn), closed: make(chan struct{})}
		go func() { _ = front.Serve(listener) }()
		client := &http.Client{Transport: &http.Transport{DialContext: listener.dial, DisableKeepAlives: true}}
		start := time.Now()
		drained := make(chan error, 1)
		go func() { drained <- s.drain(t.Context(), front, &http.Server{}) }()
		var wg sync.WaitGroup
		// One shopper every 4 s: the window of 5 s is never quiet.
		for at := time.Duration(0); at < 50*time.Second; at += 4 * time.Second {
			wg.Go(func() {
				<-time.After(at)
				resp, err := client.Get("http://pod/")
				switch {
				case at >= slack:
					// The others are too late, and the listener is closed.
					if err == nil {
						t.Errorf("a request after %s is answered: %s", at, resp.Status)
					}
				case err != nil || resp.StatusCode != http.StatusOK:
					t.Errorf("a request after %s is let in and not answered: %v", at, err)
				}
				if err == nil {
					_ = resp.Body.Close()
				}
			})
		}
		wg.Wait()
		if err := <-drained; err != nil || time.Since(start) > timeout+slack {
			t.Errorf("the drain took %s, error %v; want %s at most and none", time.Since(start), err, timeout+slack)
		}
	})
}
