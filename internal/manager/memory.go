package manager

import (
	"math"
	"runtime/debug"
)

// LeaveRoom lowers a memory limit of Go's, which the chart sets to the container's, to 85 percent: stacks of the kernel, the binary and what
// is freed late count against the container, and a heap that grows must be collected before the container is killed.
func LeaveRoom() {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		debug.SetMemoryLimit(limit / 100 * 85)
	}
}
