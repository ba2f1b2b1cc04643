package predict

import "math"

// estimate is a robust, exponentially weighted mean of positive values, in their logarithms, because service times err by factors.
// A value that is further off than usual counts only like one at the edge of the usual (Huber's clipping), so a single outlier moves
// little. Values that keep being off widen what is usual, so that a change is learned from a few dozen of them however large it is.
type estimate struct {
	seen   int
	centre float64 // logarithm
	spread float64 // mean distance from it
}

const (
	// memory is about how many values count.
	memory = 8
	// edge is how many times the spread is usual, narrowest the spread that is always usual, first that of a new estimate.
	edge, narrowest, first = 3, 0.02, 0.5
)

func (e *estimate) value() float64 { return math.Exp(e.centre) }

func (e *estimate) learn(x float64) {
	off := math.Log(x) - e.centre
	e.seen = min(e.seen+1, memory)
	if e.seen == 1 {
		e.centre, e.spread = math.Log(x), first
		return
	}
	usual := edge * max(e.spread, narrowest)
	off = min(max(off, -usual), usual)
	rate := 1 / float64(e.seen)
	e.centre += rate * off
	e.spread += (math.Abs(off) - e.spread) / memory
}
