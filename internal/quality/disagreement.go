package quality

import "errors"

// Difference is how far two answers to one request are apart, as mean absolute difference of the channels, 0 … 1.
type Difference struct {
	// Garment is inside the union of both warped masks, Outside the rest; where there are no such pixels it is 0.
	Garment, Outside float64
}

// Disagreement compares two answers to the same request. Errors wrap ErrShape.
func Disagreement(r Request, a, b Answer) (Difference, error) {
	if err := errors.Join(r.check(), a.check(r.pixels()), b.check(r.pixels())); err != nil {
		return Difference{}, err
	}
	var sums, counts [2]int
	for i := range r.pixels() {
		in := 0
		if a.WarpedMask != nil && covered(a.WarpedMask[i]) || b.WarpedMask != nil && covered(b.WarpedMask[i]) {
			in = 1
		}
		sums[in] += apart(a.Image[3*i:3*i+3], b.Image[3*i:3*i+3])
		counts[in] += wholly
	}
	return Difference{
		Outside: float64(sums[0]) / float64(max(1, counts[0])),
		Garment: float64(sums[1]) / float64(max(1, counts[1])),
	}, nil
}
