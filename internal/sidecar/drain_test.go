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
