package datatest

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// room is the memory that rows which are looked at together share; nil is room without end.
type room struct {
	bytes int64
	taken *semaphore.Weighted
}

func makeRoom(bytes int64) *room {
	if bytes <= 0 {
		return nil
	}
	return &room{bytes: bytes, taken: semaphore.NewWeighted(bytes)}
}

// enter waits for room; what takes more than there is gets all of it, alone. The function that it gives leaves the room.
func (r *room) enter(ctx context.Context, bytes int64) (leave func(), err error) {
	if r == nil {
		return func() {}, nil
	}
	bytes = min(bytes, r.bytes)
	if err := r.taken.Acquire(ctx, bytes); err != nil {
		return nil, fmt.Errorf("waiting for memory: %w", err)
	}
	return func() { r.taken.Release(bytes) }, nil
}
