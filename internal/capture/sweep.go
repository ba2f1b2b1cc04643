package capture

import (
	"context"
	"fmt"
	"math"
	"time"
)

const (
	// maxSkew is how far in the future a file may be by the clocks of other pods. A later one would outlive its time, so it goes.
	maxSkew = 10 * time.Minute
	// staleAfter is how long after its last word the writer of a part of a file must be dead.
	staleAfter = 10 * time.Minute
	// always is a time that every file was written before, whatever clock dated it.
	always = time.Duration(math.MinInt64)
	// maxKept bounds the files that are kept, whatever their size: each is listed at every sweep.
	maxKept = 20_000
	// spared is the part of the bounds that a sweep leaves free for what is written before the next. A pod that sweeps once it has filled
	// that much stays within them, and lists a folder of n files once in n/16 that it adds, where it would list it at each of them.
	spared = 16
)

// Bounds say what may stay.
type Bounds struct {
	// Age is how long after the answer a file is kept.
	Age time.Duration
	// Bytes bounds all files together. The oldest give way.
	Bytes int64
}

// Spare is how many bytes a sweep leaves free at least. Who has written more since has to sweep again.
func (b Bounds) Spare() int64 { return b.Bytes / spared }

// Swept counts what a sweep found and removed.
type Swept struct {
	Kept, Removed           int
	KeptBytes, RemovedBytes int64
}

// Sweep removes what is too old, and the oldest files until the bounds hold with some room to spare. What cannot be removed counts as kept,
// in the error too.
func (f *Folder) Sweep(ctx context.Context, now time.Time, b Bounds) (Swept, error) {
	entries, err := f.entries(ctx, staleAfter)
	if err != nil {
		return Swept{}, err
	}
	b.Bytes -= b.Spare()
	return f.sweep(ctx, entries, now, b)
}

func (f *Folder) sweep(ctx context.Context, entries []Entry, now time.Time, b Bounds) (s Swept, first error) {
	full := false
	for _, e := range entries {
		// One that is too large by itself gives way to all others.
		huge := e.Bytes > b.Bytes
		full = full || !huge && s.KeptBytes+e.Bytes > b.Bytes || s.Kept >= maxKept-maxKept/spared
		if !full && !huge && e.Lives(now, b.Age) {
			s.keep(e)
			continue
		}
		if err := f.remove(ctx, e.Name); err != nil {
			s.keep(e)
			if first == nil {
				first = fmt.Errorf("removing captured request %s: %w", e.Name, err)
			}
			continue
		}
		s.Removed++
		s.RemovedBytes += e.Bytes
	}
	return s, first
}

func (s *Swept) keep(e Entry) {
	s.Kept++
	s.KeptBytes += e.Bytes
}

// Erase removes all files of ours, those of writers that were killed included. Nobody may write meanwhile.
func (f *Folder) Erase(ctx context.Context, now time.Time) (Swept, error) {
	var all Swept
	for {
		entries, err := f.entries(ctx, always)
		if err != nil {
			return all, err
		}
		s, err := f.sweep(ctx, entries, now, Bounds{Age: -1, Bytes: -1})
		all.Removed += s.Removed
		all.RemovedBytes += s.RemovedBytes
		if err != nil || s.Removed == 0 {
			all.Kept, all.KeptBytes = s.Kept, s.KeptBytes
			return all, err
		}
	}
}
