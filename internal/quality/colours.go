package quality

import "math"

// nodes of the colour histogram per channel. A pixel is shared between its eight neighbouring nodes (trilinear), so that a
// little light more or less moves a little of the histogram and not all of it.
const nodes = 9

// colours is a histogram and a mean, in exact integers.
type colours struct {
	bins   [nodes * nodes * nodes]uint64
	sums   [3]int
	pixels int
}

// share is what one pixel adds to all nodes together.
const share = 32 * 32 * 32

func (c *colours) add(pixel []byte) {
	r, g, b := int(pixel[0]), int(pixel[1]), int(pixel[2])
	c.sums[0], c.sums[1], c.sums[2] = c.sums[0]+r, c.sums[1]+g, c.sums[2]+b
	c.pixels++
	at := (r>>5*nodes+g>>5)*nodes + b>>5
	fr, fg, fb := uint64(r&31), uint64(g&31), uint64(b&31)
	for i, wr := range [2]uint64{32 - fr, fr} {
		for j, wg := range [2]uint64{32 - fg, fg} {
			two := c.bins[at+(i*nodes+j)*nodes:][:2]
			two[0] += wr * wg * (32 - fb)
			two[1] += wr * wg * fb
		}
	}
}

// intersection is the histograms' common part (Swain and Ballard 1991), 0 … 1.
func (c *colours) intersection(d *colours) float64 {
	if c.pixels == 0 || d.pixels == 0 {
		return 0
	}
	sum := 0.0
	for i := range c.bins {
		sum += min(float64(c.bins[i])/float64(c.pixels), float64(d.bins[i])/float64(d.pixels))
	}
	return min(1, sum/share)
}

// meanDistance is the Euclidean distance of the mean colours, 0 … 1.
func (c *colours) meanDistance(d *colours) float64 {
	sum := 0.0
	for k := range c.sums {
		v := float64(c.sums[k])/float64(max(1, c.pixels)) - float64(d.sums[k])/float64(max(1, d.pixels))
		sum += v * v
	}
	return min(1, math.Sqrt(sum/3)/255)
}
