package quality

// table is a summed-area table with a border of zeros (Crow 1984): the sum over any rectangle is four look-ups. Its 32 bits
// may wrap; sums over the small windows used here still come out right, because subtraction wraps back.
type table struct {
	height, width int
	sums          []uint32
}

// reset sizes the table, keeping its memory.
func (t *table) reset(height, width int) {
	t.height, t.width = height, width
	t.sums = grown(t.sums, (height+1)*(width+1))
	clear(t.sums[:width+1])
}

// row fills row y, 0 … height-1, from its values; rows are filled in order.
func (t *table) row(y int, values []uint16) {
	stride := t.width + 1
	above, here := t.sums[y*stride:(y+1)*stride], t.sums[(y+1)*stride:(y+2)*stride]
	sum := uint32(0)
	here[0] = 0
	for x, v := range values {
		sum += uint32(v)
		here[x+1] = above[x+1] + sum
	}
}

// around is the sum over the window of that radius round a pixel, cut at the frame, and the window's area.
func (t *table) around(y, x, radius int) (sum uint32, area int) {
	top, bottom := max(0, y-radius), min(t.height, y+radius+1)
	left, right := max(0, x-radius), min(t.width, x+radius+1)
	stride := t.width + 1
	sum = t.sums[bottom*stride+right] - t.sums[top*stride+right] - t.sums[bottom*stride+left] + t.sums[top*stride+left]
	return sum, (bottom - top) * (right - left)
}

// grown returns a slice of n elements in the memory of s where that suffices; what it holds is arbitrary.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
