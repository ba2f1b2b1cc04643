package modelserver

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

const patience = 15 * time.Second

var errCut = fmt.Errorf("%w: connection refused", errDown)

// see plays a look that finds the runtime in some state.
func (w *watch) see(err error) {
	w.begin()
	w.set(err, "one")
	w.end()
}

// waiter is somebody who waits for the runtime.
type waiter struct {
	took time.Duration
	err  error
	over bool
}

func (w *watch) waiter(ctx context.Context, look int64) *waiter {
	who, begin := &waiter{}, time.Now()
	go func() {
		who.err = w.await(ctx, look, patience)
		who.took, who.over = time.Since(begin), true
	}()
	synctest.Wait()
	return who
}

func TestOnlyARuntimeThatWasReadyIsWaitedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		seen []error
		// age is how long ago that was.
		age      time.Duration
		wantWait time.Duration
		wantErr  bool
	}{
		"it is ready":                       {seen: []error{nil}},
		"it never was":                      {seen: []error{errCut}, wantErr: true},
		"nobody has looked yet":             {wantErr: true},
		"it has just gone":                  {seen: []error{nil, errCut}, wantWait: patience, wantErr: true},
		"it went a while ago":               {seen: []error{nil, errCut, errCut}, age: 10 * time.Second, wantWait: 5 * time.Second, wantErr: true},
		"it has been away for too long":     {seen: []error{nil, errCut}, age: patience, wantErr: true},
		"it is back with other weights":     {seen: []error{nil, errCut, errMismatch}, wantErr: true},
		"it came back and has gone again":   {seen: []error{nil, errCut, nil, errCut}, wantWait: patience, wantErr: true},
		"its golden requests are asked":     {seen: []error{nil, errCut, errors.New("being asked")}, wantWait: patience, wantErr: true},
		"it came back some time ago":        {seen: []error{nil, errCut, nil}, age: time.Hour},
		"it went, and nobody could look on": {seen: []error{nil, errCut}, age: time.Hour, wantErr: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatch()
				for _, err := range tt.seen {
					w.see(err)
				}
				<-time.After(tt.age)
				who := w.waiter(t.Context(), 0)
				// A look every second goes on finding the same.
				for range 20 {
					<-time.After(time.Second)
					if len(tt.seen) > 0 {
						w.see(tt.seen[len(tt.seen)-1])
					}
					synctest.Wait()
				}
				if !who.over || who.took != tt.wantWait || (who.err != nil) != tt.wantErr {
					t.Errorf("waited %s (over: %t), error %v; want %s, error %t", who.took, who.over, who.err, tt.wantWait, tt.wantErr)
				}
			})
		})
	}
}

func TestWhoWaitsGoesOnWhenTheRuntimeIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch()
		w.see(nil)
		w.see(errCut)
		ctx, leave := context.WithCancel(t.Context())
		stays, leaves := w.waiter(t.Context(), 0), w.waiter(ctx, 0)
		<-time.After(time.Second)
		leave()
		synctest.Wait()
		if stays.over || !leaves.over || leaves.err == nil {
			t.Errorf("after one of two left: %+v stays, %+v left", stays, leaves)
		}
		<-time.After(time.Second)
		w.see(nil)
		synctest.Wait()
		if !stays.over || stays.err != nil || stays.took != 2*time.Second {
			t.Errorf("when the runtime is back: %+v, want no error after 2 s", stays)
		}
	})
}

func TestWhatWasSeenBeforeTheRuntimeWentDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch()
		w.see(nil)
		// This look has begun and will still find it ready.
		w.begin()
		number := w.next()
		who := w.waiter(t.Context(), number)
		w.set(nil, "one")
		w.end()
		synctest.Wait()
		if who.over {
			t.Fatalf("an old look was believed: %+v", who)
		}
		if len(w.poke) != 1 {
			t.Error("nobody was asked to look again")
		}
		w.see(errCut)
		synctest.Wait()
		if who.over {
			t.Fatalf("a runtime that has just gone was given up: %+v", who)
		}
		w.see(nil)
		synctest.Wait()
		if !who.over || who.err != nil {
			t.Errorf("when it is back: %+v", who)
		}
		// And where nobody looks at all, the wait ends too.
		alone := w.waiter(t.Context(), w.next())
		<-time.After(patience)
		synctest.Wait()
		if !alone.over || !errors.Is(alone.err, errDown) {
			t.Errorf("without any look: %+v, want that it is down", alone)
		}
	})
}
