package shadow

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// In the bubble time stands still while anybody works, and a goroutine that waits for ever ends the test: so offering costs no time at all,
// whatever the worker does.
func TestOfferingNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMirror(4)
		start := time.Now()
		for range 1000 {
			m.Offer(shadowOf("http://127.0.0.1:1"), sample())
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %s", took)
		}
		got := m.Report(shadowOf("http://127.0.0.1:1"), time.Now())
		if want := (evidence.Drops{Full: 6, TooFast: 990}); got.Dropped != want || len(m.ring) != 4 || len(r.seen()) != 996 {
			t.Errorf("dropped %+v, want %+v; %d wait", got.Dropped, want, len(m.ring))
		}
	})
}

func TestABlackHoledCandidateFillsTheRingAndNothingElse(t *testing.T) {
	arrived, leave := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-leave
	}))
	defer server.Close()
	defer close(leave)
	m, _ := newMirror(2)
	m.options.Patience = time.Hour
	s := sample()
	s.Took = time.Hour
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	m.Offer(shadowOf(server.URL), s)
	<-arrived
	for range 7 {
		m.Offer(shadowOf(server.URL), s)
	}
	got := m.Report(shadowOf(server.URL), time.Now())
	if got.Dropped.Full != 5 || got.Pairs != 0 {
		t.Errorf("dropped %+v of %d pairs, want 5 for want of room", got.Dropped, got.Pairs)
	}
	// A pod that stops leaves no verdict on the candidate behind, and does not wait for it.
	stop()
	<-done
	if got := m.Report(shadowOf(server.URL), time.Now()); got.Pairs != 0 {
		t.Errorf("%d pairs", got.Pairs)
	}
}

func TestTheBytesOfCopiesAreBounded(t *testing.T) {
	m, _ := newMirror(100)
	s := sample()
	m.options.Bytes = 3*s.bytes() + 1
	for range 5 {
		m.Offer(shadowOf("http://127.0.0.1:1"), s)
	}
	if got := m.Report(shadowOf("http://127.0.0.1:1"), time.Now()); got.Dropped.Full != 2 || len(m.ring) != 3 {
		t.Errorf("dropped %+v, %d wait", got.Dropped, len(m.ring))
	}
	if want := int64(12 * side * side); s.bytes() != want {
		t.Errorf("a sample counts %d bytes, want %d", s.bytes(), want)
	}
}

func TestCopiesOnTheirWayDoNotMakeAReportUnreadable(t *testing.T) {
	m, _ := newMirror(8)
	shadow := shadowOf("http://127.0.0.1:1")
	m.begin(shadow).totals.Pairs = sequential.MaxRequests - 3
	for range 5 {
		m.Offer(shadow, sample())
	}
	if got := m.Report(shadow, time.Now()); got.Dropped.Full != 3 || len(m.ring) != 2 {
		t.Errorf("dropped %+v, %d wait: with the one being compared at most %d more pairs may come", got.Dropped, len(m.ring), 3)
	}
}

func TestWhatWasComparedMakesRoomForMore(t *testing.T) {
	server := httptest.NewServer(good(same))
	defer server.Close()
	m, r := newMirror(4)
	s := sample()
	m.options.Bytes = s.bytes()
	for range 3 {
		compared, done := make(chan struct{}), make(chan struct{})
		s.Done = func(*capture.Compared) { close(compared) }
		ctx, stop := context.WithCancel(t.Context())
		go func() { m.Run(ctx); close(done) }()
		m.Offer(shadowOf(server.URL), s)
		<-compared
		stop()
		<-done
	}
	if got := m.Report(shadowOf(server.URL), time.Now()); got.Pairs != 3 {
		t.Errorf("%d pairs, %v; want three, one after the other", got.Pairs, r.seen())
	}
}
