package imaging

import (
	"image"
	"math"
)

// support is how far the Catmull-Rom kernel reaches to each side, in pixels of the coarser grid.
const support = 2

// catmullRom is the cubic kernel with B = 0 and C = 1/2 at a distance t of 0 to support (Mitchell and Netravali 1988, "Reconstruction
// Filters in Computer Graphics").
func catmullRom(t float64) float64 {
	if t < 1 {
		return (1.5*t-2.5)*t*t + 1
	}
	return ((-0.5*t+2.5)*t-4)*t + 2
}

// taps says from which samples of a line a sample of the scaled line is made: weights[i] is for sample first+i, and they add up to 1.
type taps struct {
	first   int
	weights []float64
}

// spread gives the taps of samples from to to-1 of n that are made out of have.
func spread(have, n, from, to int) []taps {
	scale := float64(have) / float64(n)
	// When there are fewer samples than before, each of those from before has its part.
	widen := max(scale, 1)
	out, weights := make([]taps, 0, to-from), make([]float64, 0, (to-from)*int(2*support*widen+2))
	for x := from; x < to; x++ {
		center := (float64(x)+0.5)*scale - 0.5
		first, last := max(int(math.Floor(center-support*widen)), 0), min(int(math.Ceil(center+support*widen)), have)
		begin, sum := len(weights), 0.0
		for i := first; i < last; i++ {
			weight := 0.0
			if far := math.Abs(center-float64(i)) / widen; far < support {
				weight = catmullRom(far)
			}
			weights = append(weights, weight)
			sum += weight
		}
		own := weights[begin:]
		for i := range own {
			own[i] /= sum
		}
		out = append(out, taps{first, own})
	}
	return out
}

// Scale fills dst with what lies there of src scaled to w by h pixels; dst.Rect is within 0, 0, w, h. The kernel is Catmull-Rom's. It keeps
// only the rows that the next row is made of: some 20 times w pixels of 32 bytes where a picture becomes smaller by a factor of 4, and 4
// times w where it becomes larger.
func Scale(dst *image.RGBA, w, h int, src *image.RGBA) {
	across := spread(src.Rect.Dx(), w, dst.Rect.Min.X, dst.Rect.Max.X)
	down := spread(src.Rect.Dy(), h, dst.Rect.Min.Y, dst.Rect.Max.Y)
	depth := 0
	for _, t := range down {
		depth = max(depth, len(t.weights))
	}
	rows := make([][]float64, depth)
	for i := range rows {
		rows[i] = make([]float64, 4*len(across))
	}
	line, sums, next := make([]float64, 4*src.Rect.Dx()), make([]float64, 4*len(across)), 0
	for y, t := range down {
		for next = max(next, t.first); next < t.first+len(t.weights); next++ {
			scaleRow(rows[next%depth], src.Pix[next*src.Stride:], line, across)
		}
		clear(sums)
		for i, weight := range t.weights {
			for c, v := range rows[(t.first+i)%depth] {
				sums[c] += weight * v
			}
		}
		round(dst.Pix[y*dst.Stride:], sums)
	}
}

// scaleRow scales one row of samples of 0 to 255, four a pixel; line has room for the row as it was.
func scaleRow(into []float64, row []byte, line []float64, across []taps) {
	for i, v := range row[:len(line)] {
		line[i] = float64(v)
	}
	for x, t := range across {
		var r, g, b, a float64
		pixels := line[4*t.first:]
		for _, weight := range t.weights {
			r += weight * pixels[0]
			g += weight * pixels[1]
			b += weight * pixels[2]
			a += weight * pixels[3]
			pixels = pixels[4:]
		}
		into[4*x], into[4*x+1], into[4*x+2], into[4*x+3] = r, g, b, a
	}
}

// round makes samples of a row; the kernel overshoots at edges, and a colour is at most its alpha.
func round(into []byte, sums []float64) {
	for i := 0; i < len(sums); i += 4 {
		alpha := sums[i+3]
		for c, v := range sums[i : i+4] {
			// By way of 16 bits, as the standard library's colours.
			into[i+c] = byte(min(max(int(0x101*min(v, alpha)+0.5), 0), 0xffff) >> 8)
		}
	}
}
