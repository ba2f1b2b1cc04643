package recorder

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/oip"
)

// shelf is a folder that takes its time.
type shelf struct {
	mu     sync.Mutex
	put    []capture.Request
	sweeps []time.Time
	bounds capture.Bounds
	// takes is how long a write takes, and err what comes of it.
	takes time.Duration
	err   error
	// missing keeps it from being opened, unwritable from being written, and closed counts.
	missing, unwritable error
	closed              int
}

func (s *shelf) Close() error { s.closed++; return nil }

func (s *shelf) open(context.Context) (Folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, s.missing
}

// change changes how it is while a recorder uses it.
func (s *shelf) change(how func(*shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how(s)
}

func (s *shelf) Put(ctx context.Context, r capture.Request) (string, error) {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := cmp.Or(s.err, s.unwritable)
	if err == nil {
		s.put = append(s.put, r)
	}
	return "", err
}

func (s *shelf) Sweep(_ context.Context, now time.Time, b capture.Bounds) (capture.Swept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweeps, s.bounds = append(s.sweeps, now), b
	return capture.Swept{Kept: len(s.put), KeptBytes: int64(100 * len(s.put))}, s.err
}

// bench is a recorder at work and what its metrics were told.
type bench struct {
	*Recorder
	shelf *shelf
	mu    sync.Mutex
	drops []string
	done  int
	kept  [2]int64
}

// start runs a recorder until the test ends.
func start(t *testing.T, s *shelf, change func(*Options)) *bench {
	t.Helper()
	b := &bench{shelf: s}
	o := Options{
		Open: s.open, Percent: 100, Bounds: capture.Bounds{Age: time.Hour, Bytes: 1 << 20}, Waiting: 4, Bytes: 1 << 20,
		Kept:     func(files int, bytes int64) { b.mu.Lock(); b.kept = [2]int64{int64(files), bytes}; b.mu.Unlock() },
		Captured: func() { b.mu.Lock(); b.done++; b.mu.Unlock() },
		Dropped:  func(reason string) { b.mu.Lock(); b.drops = append(b.drops, reason); b.mu.Unlock() },
	}
	if change != nil {
		change(&o)
	}
	b.Recorder = New(o)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); synctest.Wait() })
	go b.Run(ctx)
	synctest.Wait()
	return b
}

func request(bytes int) capture.Request {
	return capture.Request{Version: "tops-v1", In: oip.TryOn{Person: make([]byte, bytes)}}
}

func TestARequestIsWrittenAndTheFolderIsSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{}, nil)
		b.Offer(request(10))
		synctest.Wait()
		if len(b.shelf.put) != 1 || b.done != 1 || b.kept != [2]int64{1, 100} || b.shelf.bounds != (capture.Bounds{Age: time.Hour, Bytes: 1 << 20}) {
			t.Errorf("%d written, %d counted, %v kept within %v", len(b.shelf.put), b.done, b.kept, b.shelf.bounds)
		}
		before := len(b.shelf.sweeps)
		<-time.After(sweepEvery + time.Second)
		synctest.Wait()
		if got := len(b.shelf.sweeps) - before; got != 1 {
			t.Errorf("%d sweeps in a minute without a request, want 1", got)
		}
	})
}

func TestAShortAgeIsSweptMoreOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{}, func(o *Options) { o.Bounds.Age = time.Minute })
		<-time.After(time.Minute + time.Second)
		synctest.Wait()
		if got := len(b.shelf.sweeps); got != 5 {
			t.Errorf("%d sweeps in the first minute, want one at once and one every quarter of it", got)
		}
	})
}

func TestASlowFolderCostsNobodyATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{takes: time.Hour}, nil)
		began := time.Now()
		for range 20 {
			b.Offer(request(10))
			<-time.After(time.Second)
		}
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("offering took %s of its own", took-20*time.Second)
		}
		if !slices.Contains(b.drops, DropFull) {
			t.Errorf("drops %v, want some that found no room", b.drops)
		}
		<-time.After(patience)
		synctest.Wait()
		if !slices.Contains(b.drops, DropUnwritten) || b.done != 0 {
			t.Errorf("drops %v, %d written; want the first to be given up", b.drops, b.done)
		}
	})
}

func TestAPodCapturesOneASecondAndNoMoreThanFitsIntoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{}, nil)
		for range 10 {
			b.Offer(request(10))
			synctest.Wait()
		}
		if b.done != burst || !slices.Equal(b.drops, slices.Repeat([]string{DropTooFast}, 10-burst)) {
			t.Errorf("%d captured at once, drops %v", b.done, b.drops)
		}
		<-time.After(2 * time.Second)
		b.Offer(request(1<<20 + 1))
		synctest.Wait()
		if b.done != burst || b.drops[len(b.drops)-1] != DropFull {
			t.Errorf("one over the memory: %d captured, drops %v", b.done, b.drops)
		}
	})
}

func TestAFolderThatRefusesIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{err: errors.New("disk full")}, nil)
		b.Offer(request(10))
		synctest.Wait()
		if !slices.Equal(b.drops, []string{DropUnwritten}) || b.done != 0 {
			t.Errorf("drops %v, %d captured", b.drops, b.done)
		}
	})
}

func TestTheShareOfAllIsRightAlsoAmongThoseThatAreCompared(t *testing.T) {
	for name, tt := range map[string]struct{ percent, of, want int }{
		"of all":                       {10, 100, 100},
		"of a fifth":                   {10, 20, 500},
		"more than are compared":       {50, 20, 1000},
		"when nothing is there to ask": {50, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(Options{Percent: tt.percent})
			got := 0
			for range 1000 {
				if r.Choose(tt.of) {
					got++
				}
			}
			if got != tt.want {
				t.Errorf("%d of 1000, want %d", got, tt.want)
			}
		})
	}
}

func TestNoRecorderCapturesNothing(t *testing.T) {
	var r *Recorder
	if r.Choose(100) {
		t.Error("it chose a request")
	}
	r.Run(t.Context())
}

func TestNothingIsWrittenWithoutAPermitAndTheFolderIsTriedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var permitted atomic.Bool
		b := start(t, &shelf{}, func(o *Options) { o.Permitted = permitted.Load })
		b.says(t, "at the start", "")
		b.Offer(request(10))
		<-time.After(2 * sweepEvery)
		b.shelf.change(func(s *shelf) {
			if len(s.put) > 0 || len(s.sweeps) == 0 {
				t.Errorf("%d requests written, %d sweeps", len(s.put), len(s.sweeps))
			}
		})
		if !b.Held() || b.Choose(100) {
			t.Error("it seems to keep requests")
		}
		permitted.Store(true)
		<-time.After(permitEvery + time.Millisecond)
		permitted.Store(false)
		<-time.After(sweepEvery)
		if b.Held() || !b.Choose(100) {
			t.Error("it keeps no requests with a permit")
		}
		b.Offer(request(10))
		synctest.Wait()
		if b.done != 1 {
			t.Errorf("%d captured, want one", b.done)
		}
	})
}
