package sidecar

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
)

// mortal is a runtime that a test can kill and start again: while it is dead every connection is cut, and afterwards it is another process.
type mortal struct {
	*pod
	address *swapped
	model   *runtime.Model
}

func startMortal(t *testing.T, tweaks ...tweak) *mortal {
	t.Helper()
	rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, rt)
	m := &mortal{address: &swapped{}, model: rt.Model}
	m.revive()
	front := httptest.NewServer(m.address)
	t.Cleanup(front.Close)
	rt.URL = front.URL
	m.pod = startWith(t, rt, tweaks...)
	m.waitReady(t)
	return m
}

func (m *mortal) kill() {
	m.address.set(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
}

func (m *mortal) revive() { m.address.set(runtime.NewServer(m.model, oip.Limits{})) }

func TestShoppersWaitForARuntimeThatRestarts(t *testing.T) {
	m := startMortal(t, func(o *Options) { o.Concurrent = 1 })
	contentType, body := form(t, usual(t))
	died := make(chan struct{})
	var once sync.Once
	// It dies under the first request; the others come before and after the pod has seen it.
	m.address.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { m.kill(); close(died) })
		closeMidBody(w, r)
	}))
	const early, late = 4, 4
	var all sync.WaitGroup
	ask := func() {
		all.Go(func() {
			if resp, out := post(t, m.front, contentType, body); resp.StatusCode != http.StatusOK {
				t.Errorf("%s %.200s", resp.Status, out)
			}
		})
	}
	for range early {
		ask()
	}
	<-died
	until(t, "not ready", func() bool { return m.ready() != nil })
	for range late {
		ask()
	}
	until(t, "all wait", func() bool { return m.activity.InFlight() == early+late && m.queue.Waiting() == 0 })
	m.revive()
	all.Wait()
	if err := m.ready(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestNoMoreWaitForARuntimeThanFindAPlaceWhenItIsBack(t *testing.T) {
	const waiting, over = 3, 6
	m := startMortal(t, func(o *Options) {
		o.Concurrent, o.Waiting, o.RequestTimeout, o.RuntimePatience = 1, waiting, 5*time.Minute, 4*time.Minute
	})
	contentType, body := form(t, usual(t))
	m.kill()
	var all sync.WaitGroup
	stay := func() {
		all.Go(func() {
			if resp, out := post(t, m.front, contentType, body); resp.StatusCode != http.StatusOK {
				t.Errorf("who had a place: %s %.200s", resp.Status, out)
			}
		})
	}
	// One that it dies under waits like those that come later.
	stay()
	until(t, "not ready", func() bool { return m.ready() != nil })
	for range waiting {
		stay()
	}
	places := int64(1 + waiting)
	until(t, "all places are taken", func() bool {
		free := m.restart.TryAcquire(1)
		if free {
			m.restart.Release(1)
		}
		return !free && m.activity.InFlight() == int(places)
	})
	before := m.loadOf(t).ArrivalsPerSecond
	for range over {
		resp, out := post(t, m.front, contentType, body)
		if code, err := codeOf(resp, out); err != nil || code != problem.CodeOverloaded || resp.Header.Get("Retry-After") == "" {
			t.Errorf("one too many: %s, %v, want %s with Retry-After", code, err, problem.CodeOverloaded)
		}
	}
	if got := m.activity.InFlight(); got != int(places) {
		t.Errorf("%d are left, want the %d that had a place", got, places)
	}
	if after := m.loadOf(t).ArrivalsPerSecond; after <= before {
		t.Errorf("arrivals of %g, then %g: who is refused has come all the same", before, after)
	}
	m.revive()
	all.Wait()
	if !m.restart.TryAcquire(places) {
		t.Error("a place was not given back")
	}
}

func TestNobodyWaitsForARuntimeThatStaysAway(t *testing.T) {
	const patience = 300 * time.Millisecond
	m := startMortal(t, func(o *Options) { o.RuntimePatience = patience })
	contentType, body := form(t, usual(t))
	m.kill()
	refused := func() time.Duration {
		begin := time.Now()
		resp, out := post(t, m.front, contentType, body)
		if code, err := codeOf(resp, out); err != nil || code != problem.CodeRuntimeUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s, %v, want %s with Retry-After", code, err, problem.CodeRuntimeUnavailable)
		}
		return time.Since(begin)
	}
	if took := refused(); took < patience {
		t.Errorf("the request that it died under was refused after %s, want one that waited for %s", took, patience)
	}
	until(t, "not ready", func() bool { return m.ready() != nil })
	until(t, "refused at once", func() bool { return refused() < patience })
	m.revive()
	m.waitReady(t)
	if resp, out := post(t, m.front, contentType, body); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s %.200s", resp.Status, out)
	}
}

func TestWhoForwardedATryOnIsToldAtOnceThatTheRuntimeHasGone(t *testing.T) {
	m := startMortal(t, func(o *Options) { o.RequestTimeout, o.RuntimePatience = 5*time.Minute, 4*time.Minute })
	contentType, body := form(t, usual(t))
	m.kill()
	// Under the first one it has just gone, and before the second the pod knows.
	for range 2 {
		begin := time.Now()
		resp, out := post(t, m.front, contentType, body, route.HeaderForwarded, "1")
		if code, err := codeOf(resp, out); err != nil || code != problem.CodeRuntimeUnavailable {
			t.Errorf("%s, %v, want %s", code, err, problem.CodeRuntimeUnavailable)
		}
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("it was told after %s", took)
		}
		until(t, "not ready", func() bool { return m.ready() != nil })
	}
}
