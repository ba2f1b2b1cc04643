package imaging

import (
	"image"
	"math"
)

// Plane is one channel of a picture: W times H values, row by row.
type Plane struct {
	W, H int
	V    []float64
}

// Luma is the BT.601 luma of a picture, 0 … 255, as MATLAB's rgb2gray and the reference SSIM use it.
func Luma(src *image.RGBA) Plane {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := Plane{W: w, H: h, V: make([]float64, w*h)}
	for y := range h {
		row := src.Pix[y*src.Stride : y*src.Stride+4*w]
		for x := range w {
			out.V[y*w+x] = 0.299*float64(row[4*x]) + 0.587*float64(row[4*x+1]) + 0.114*float64(row[4*x+2])
		}
	}
	return out
}

// Deviation is the mean and the standard deviation of the values.
func (p Plane) Deviation() (mean, deviation float64) {
	if len(p.V) == 0 {
		return 0, 0
	}
	for _, v := range p.V {
		mean += v
	}
	mean /= float64(len(p.V))
	for _, v := range p.V {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(p.V)))
}

// Sharpness is the variance of the Laplacian (4-neighbour) where region is true, nil meaning everywhere. It is 0 for
// planes of fewer than 3 pixels a side.
func (p Plane) Sharpness(region []bool) float64 {
	var n, sum, squares float64
	for y := 1; y < p.H-1; y++ {
		for x := 1; x < p.W-1; x++ {
			i := y*p.W + x
			if region != nil && !region[i] {
				continue
			}
			v := p.V[i-1] + p.V[i+1] + p.V[i-p.W] + p.V[i+p.W] - 4*p.V[i]
			n, sum, squares = n+1, sum+v, squares+v*v
		}
	}
	if n == 0 {
		return 0
	}
	return squares/n - sum/n*sum/n
}

// Reduced averages the plane into w by h cells by exact area coverage.
func (p Plane) Reduced(w, h int) Plane {
	out := Plane{W: w, H: h, V: make([]float64, w*h)}
	columns := cells(p.W, w)
	rows := cells(p.H, h)
	for y, r := range rows {
		for x, c := range columns {
			var sum, weight float64
			for _, sy := range r {
				for _, sx := range c {
					k := sy.weight * sx.weight
					sum += k * p.V[sy.at*p.W+sx.at]
					weight += k
				}
			}
			out.V[y*w+x] = sum / weight
		}
	}
	return out
}

type share struct {
	at     int
	weight float64
}

// cells says which of n samples, and how much of each, fall into each of m equal cells.
func cells(n, m int) [][]share {
	out := make([][]share, m)
	step := float64(n) / float64(m)
	for i := range out {
		low, high := float64(i)*step, float64(i+1)*step
		for at := int(low); at < n && float64(at) < high; at++ {
			if w := math.Min(high, float64(at+1)) - math.Max(low, float64(at)); w > 1e-9 {
				out[i] = append(out[i], share{at, w})
			}
		}
	}
	return out
}

// Lab converts an 8-bit sRGB colour to CIE L*a*b* (D65): L 0 … 100, a and b about -110 … 110.
func Lab(r, g, b uint8) (l, a, bb float64) {
	lr, lg, lb := linear[r], linear[g], linear[b]
	x := labCurve((0.4124564*lr + 0.3575761*lg + 0.1804375*lb) / 0.95047)
	y := labCurve(0.2126729*lr + 0.7151522*lg + 0.0721750*lb)
	z := labCurve((0.0193339*lr + 0.1191920*lg + 0.9503041*lb) / 1.08883)
	return 116*y - 16, 500 * (x - y), 200 * (y - z)
}

// linear undoes sRGB's transfer curve.
var linear = func() (out [256]float64) {
	for i := range out {
		v := float64(i) / 255
		out[i] = v / 12.92
		if v > 0.04045 {
			out[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return out
}()

func labCurve(t float64) float64 {
	const knee = 216.0 / 24389
	if t > knee {
		return math.Cbrt(t)
	}
	return t*24389.0/27/116 + 16.0/116
}
