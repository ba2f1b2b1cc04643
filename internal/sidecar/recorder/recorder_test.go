package recorder

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"os"
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
	// takes is how long a write takes, err what comes of it and of a sweep, and large how many bytes a file has.
	takes time.Duration
	large int64
	err   error
	// missing keeps it from being opened, unwritable from being written, and closed counts.
	missing, unwritable error
	closed              int
}

func (s *shelf) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	return nil
}

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

func (s *shelf) Put(ctx context.Context, r capture.Request) (capture.Entry, error) {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return capture.Entry{Bytes: s.large}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := cmp.Or(s.err, s.unwritable)
	if err == nil {
		s.put = append(s.put, r)
	}
	return capture.Entry{Bytes: s.large}, err
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
	told  told
}

type told struct {
	drops []string
	done  int
	kept  [2]int64
}

// seen waits until the recorder has nothing to do and gives a copy of what its metrics were told.
func (b *bench) seen() told {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.told
	out.drops = slices.Clone(out.drops)
	return out
}

// state is what a shelf has gone through.
type state struct {
	put, closed int
	sweeps      []time.Time
	bounds      capture.Bounds
}

// seen waits until the recorder has nothing to do and gives a copy of what was done to the shelf.
func (s *shelf) seen() state {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return state{put: len(s.put), closed: s.closed, sweeps: slices.Clone(s.sweeps), bounds: s.bounds}
}

// start runs a recorder until the test ends.
func start(t *testing.T, s *shelf, change func(*Options)) *bench {
	t.Helper()
	b := &bench{shelf: s}
	o := Options{
		Open: s.open, Percent: 100, Bounds: capture.Bounds{Age: time.Hour, Bytes: 1 << 20}, Waiting: 4, Bytes: 1 << 20,
		Kept:     func(files int, bytes int64) { b.mu.Lock(); b.told.kept = [2]int64{int64(files), bytes}; b.mu.Unlock() },
		Captured: func() { b.mu.Lock(); b.told.done++; b.mu.Unlock() },
		Dropped:  func(reason string) { b.mu.Lock(); b.told.drops = append(b.told.drops, reason); b.mu.Unlock() },
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
		if shelf, told := b.shelf.seen(), b.seen(); shelf.put != 1 || told.done != 1 || len(shelf.sweeps) != 1 || shelf.bounds != (capture.Bounds{Age: time.Hour, Bytes: 1 << 20}) {
			t.Errorf("%d written, %d counted, swept at %v within %v", shelf.put, told.done, shelf.sweeps, shelf.bounds)
		}
		<-time.After(sweepEvery + time.Second)
		if shelf, told := b.shelf.seen(), b.seen(); len(shelf.sweeps) != 2 || told.kept != [2]int64{1, 100} {
			t.Errorf("a minute later: swept at %v, %v kept", shelf.sweeps, told.kept)
		}
	})
}

func TestABusyPodSweepsOnceAMinuteAndNotAtEachRequest(t *testing.T) {
	for name, s := range map[string]*shelf{"a folder in order": {large: 100}, "one that fails": {large: 100, err: errors.New("wrong key")}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				b := start(t, s, nil)
				for range 10 * 60 {
					<-time.After(time.Second)
					b.Offer(request(10))
				}
				<-time.After(sweepEvery / 2)
				var minutes []time.Duration
				for _, at := range b.shelf.seen().sweeps {
					minutes = append(minutes, at.Sub(began)/time.Minute)
				}
				if want := []time.Duration{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; !slices.Equal(minutes, want) {
					t.Errorf("swept in minutes %v, want one sweep in each", minutes)
				}
			})
		})
	}
}

func TestAPodThatHasFilledWhatASweepLeavesFreeSweepsAtOnce(t *testing.T) {
	for name, s := range map[string]*shelf{
		"written": {large: 100},
		// The server may have taken what it did not acknowledge.
		"cut off": {large: 100, unwritable: errors.New("timeout")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, s, func(o *Options) { o.Bounds.Bytes = 16 * 450 })
				for n := 1; n <= 10; n++ {
					<-time.After(time.Second)
					b.Offer(request(10))
					// One at the start, and one after the fifth of 100 bytes each.
					if got, want := len(b.shelf.seen().sweeps), 1+n/5; got != want {
						t.Errorf("%d sweeps after %d requests, want %d", got, n, want)
					}
				}
			})
		})
	}
}

// TestAPodAloneNeverExceedsTheFoldersSize: what it writes between two sweeps fits into what each leaves free, but for the last file.
func TestAPodAloneNeverExceedsTheFoldersSize(t *testing.T) {
	dir := t.TempDir()
	dice := rand.New(rand.NewPCG(1, 2))
	synctest.Test(t, func(t *testing.T) {
		const most = 100 << 10
		b := start(t, &shelf{}, func(o *Options) {
			o.Open = func(ctx context.Context) (Folder, error) { return capture.Open(ctx, "file://"+dir) }
			o.Bounds.Bytes = most
		})
		largest, full := int64(0), false
		for range 60 {
			<-time.After(time.Second)
			b.Offer(noise(dice))
			if got := b.seen(); len(got.drops) > 0 {
				t.Fatal(got.drops)
			}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			all := int64(0)
			for _, file := range files {
				info, err := file.Info()
				if err != nil {
					t.Fatal(err)
				}
				all, largest = all+info.Size(), max(largest, info.Size())
			}
			full = full || all > most*7/8
			if all > most {
				t.Fatalf("%d bytes in %d files, want at most %d", all, len(files), most)
			}
		}
		if !full || largest > most/16 {
			t.Errorf("the folder was nearly full: %t; the largest file has %d bytes", full, largest)
		}
	})
}

// noise is a request that does not get smaller.
func noise(dice *rand.Rand) capture.Request {
	const n = 16 * 16
	pixels := func(channels int) []byte {
		out := make([]byte, channels*n)
		for i := range out {
			out[i] = byte(dice.Uint32())
		}
		return out
	}
	return capture.Request{
		TakenAt: time.Now(), Version: "tops-v1", Signature: oip.NewSignature(16, 16),
		In: oip.TryOn{Person: pixels(3), Garment: pixels(3), GarmentMask: pixels(1)}, Image: pixels(3),
	}
}

func TestAShortAgeIsSweptMoreOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{}, func(o *Options) { o.Bounds.Age = time.Minute })
		<-time.After(time.Minute + time.Second)
		if got := len(b.shelf.seen().sweeps); got != 5 {
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
		if got := b.seen(); !slices.Contains(got.drops, DropFull) {
			t.Errorf("drops %v, want some that found no room", got.drops)
		}
		<-time.After(patience)
		if got := b.seen(); !slices.Contains(got.drops, DropUnwritten) || got.done != 0 {
			t.Errorf("drops %v, %d written; want the first to be given up", got.drops, got.done)
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
		if got := b.seen(); got.done != burst || !slices.Equal(got.drops, slices.Repeat([]string{DropTooFast}, 10-burst)) {
			t.Errorf("%d captured at once, drops %v", got.done, got.drops)
		}
		<-time.After(2 * time.Second)
		b.Offer(request(1<<20 + 1))
		if got := b.seen(); got.done != burst || got.drops[len(got.drops)-1] != DropFull {
			t.Errorf("one over the memory: %d captured, drops %v", got.done, got.drops)
		}
	})
}

func TestAFolderThatRefusesIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{err: errors.New("disk full")}, nil)
		b.Offer(request(10))
		if got := b.seen(); !slices.Equal(got.drops, []string{DropUnwritten}) || got.done != 0 {
			t.Errorf("drops %v, %d captured", got.drops, got.done)
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
		if s := b.shelf.seen(); s.put > 0 || len(s.sweeps) == 0 {
			t.Errorf("%d requests written, %d sweeps", s.put, len(s.sweeps))
		}
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
		if told := b.seen(); told.done != 1 {
			t.Errorf("%d captured, want one", told.done)
		}
	})
}
