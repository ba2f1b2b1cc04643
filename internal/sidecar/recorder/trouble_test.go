package recorder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// says fails unless the recorder says this of its folder.
func (b *bench) says(t *testing.T, when, want string) {
	t.Helper()
	synctest.Wait()
	got, looked := b.Trouble()
	if !looked || (want == "") != (got == "") || !strings.Contains(got, want) {
		t.Errorf("%s: it says %q (looked: %t), want %q", when, got, looked, want)
	}
}

func TestAFolderThatAppearsLaterIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{missing: errors.New("no such bucket")}, nil)
		b.says(t, "at the start", "Opening the folder of captured requests failed: no such bucket")
		b.Offer(request(10))
		if got, sweeps := b.seen(), b.shelf.seen().sweeps; !slices.Equal(got.drops, []string{DropUnwritten}) || len(sweeps) > 0 {
			t.Errorf("drops %v, %d sweeps of a folder that is not there", got.drops, len(sweeps))
		}
		b.shelf.change(func(s *shelf) { s.missing = nil })
		<-time.After(sweepEvery + time.Second)
		b.says(t, "once it is there", "")
		b.Offer(request(10))
		if got := b.seen(); got.done != 1 {
			t.Errorf("%d captured, want one", got.done)
		}
	})
}

func TestAFolderThatMayOnlyBeListedIsTroubleUntilARequestIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{}, nil)
		b.says(t, "at the start", "")
		b.shelf.change(func(s *shelf) { s.unwritable = errors.New("access denied") })
		b.Offer(request(10))
		b.says(t, "after a request", "Capturing a request failed: access denied")
		<-time.After(2 * sweepEvery)
		b.says(t, "after sweeps that went well", "access denied")
		b.shelf.change(func(s *shelf) { s.unwritable = nil })
		b.Offer(request(10))
		b.says(t, "once one is written", "")
	})
}

func TestAFolderThatCannotBeSweptIsTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &shelf{err: errors.New("wrong key")}, nil)
		b.says(t, "at the start", "Sweeping captured requests failed: wrong key")
		b.shelf.change(func(s *shelf) { s.err = nil })
		<-time.After(sweepEvery + time.Second)
		b.says(t, "at the next sweep", "")
	})
}

func TestTheFolderIsClosedAndTheEndIsNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{takes: time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		b := &bench{Recorder: New(Options{
			Open: s.open, Percent: 100, Waiting: 1, Bytes: 1 << 20,
			Kept: func(int, int64) {}, Captured: func() {}, Dropped: func(string) {},
		})}
		if _, looked := b.Trouble(); looked {
			t.Error("it has looked before it runs")
		}
		go b.Run(ctx)
		synctest.Wait()
		b.Offer(request(10))
		synctest.Wait()
		cancel()
		b.says(t, "when a write ends with the pod", "")
		if got := s.seen().closed; got != 1 {
			t.Errorf("closed %d times", got)
		}
	})
}

func TestTroubleThatStaysReadsTheSameAndIsShort(t *testing.T) {
	for name, err := range map[string]error{
		"a file":   fmt.Errorf("writing: %w", &fs.PathError{Op: "openat", Path: "20261127T050000.000Z-0123", Err: syscall.EACCES}),
		"a rename": fmt.Errorf("writing: %w", &os.LinkError{Op: "renameat", Old: ".partial-1", New: "2", Err: syscall.EACCES}),
	} {
		if got := plain(err).Error(); got != "permission denied" {
			t.Errorf("%s: %q", name, got)
		}
	}
	r := New(Options{})
	r.remember(t.Context(), &r.found.put, "Capturing a request failed", errors.New(strings.Repeat("é", 4000)))
	if words, _ := r.Trouble(); len(words) > maxWords || !strings.HasPrefix(words, "Capturing a request failed: é") {
		t.Errorf("%d bytes: %.60s", len(words), words)
	}
}
