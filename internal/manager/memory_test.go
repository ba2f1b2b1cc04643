package manager

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestTheHeapIsCollectedBeforeTheContainerIsKilled(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for limit, want := range map[int64]int64{1000: 850, math.MaxInt64: math.MaxInt64} {
		debug.SetMemoryLimit(limit)
		LeaveRoom()
		if got := debug.SetMemoryLimit(-1); got != want {
			t.Errorf("limit %d became %d, want %d", limit, got, want)
		}
	}
}
