package imaging

import (
	"image"
	"math"
	"math/bits"
	"slices"
)

// Fingerprint recognises a picture after rescaling and recompression. A perceptual hash alone would not do: two plain shirts
// of one cut share it in spite of their colours, and in smooth pictures some of its bits are decided by noise.
type Fingerprint struct {
	// Hash is a 64-bit perceptual hash.
	Hash uint64
	// Colours are 12 by 16 cells of three bytes, row by row.
	Colours [fingerprintW * fingerprintH * 3]uint8
}

const fingerprintW, fingerprintH = 12, 16

// MakeFingerprint reduces a picture. Transparent pixels count with their stored colour.
func MakeFingerprint(src *image.RGBA) Fingerprint {
	f := Fingerprint{Hash: PHash(Luma(src))}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	for c := range 3 {
		p := Plane{W: w, H: h, V: make([]float64, w*h)}
		for i := range p.V {
			p.V[i] = float64(src.Pix[i/w*src.Stride+4*(i%w)+c])
		}
		for i, v := range p.Reduced(fingerprintW, fingerprintH).V {
			f.Colours[3*i+c] = uint8(v + 0.5)
		}
	}
	return f
}

// HashDistance is the number of differing bits of two hashes.
func HashDistance(a, b uint64) int { return bits.OnesCount64(a ^ b) }

// ColourDistance is the largest mean difference over a quarter of the frame and the channels, in levels 0 … 255: a small
// change anywhere counts, which a mean over the whole frame would drown.
func (f *Fingerprint) ColourDistance(g *Fingerprint) float64 {
	var sums [4]int
	for i := range f.Colours {
		d := int(f.Colours[i]) - int(g.Colours[i])
		sums[quarterOf(i)] += max(d, -d)
	}
	return float64(slices.Max(sums[:])) / float64(len(f.Colours)/4)
}

// Quarters are the mean levels of the frame's quarters: top left, top right, bottom left, bottom right. None of them differs
// by more than ColourDistance, so that they can index a search.
func (f *Fingerprint) Quarters() [4]float64 {
	var out [4]float64
	for i, v := range f.Colours {
		out[quarterOf(i)] += float64(v) / float64(len(f.Colours)/4)
	}
	return out
}

func quarterOf(i int) int {
	cell := i / 3
	return cell/(fingerprintW*fingerprintH/2)*2 + cell%fingerprintW/(fingerprintW/2)
}

// DHash is the 64-bit difference hash: whether each of 8x8 cells is darker than its right neighbour.
func DHash(p Plane) uint64 {
	small := p.Reduced(9, 8)
	var out uint64
	for y := range 8 {
		for x := range 8 {
			out <<= 1
			if small.V[y*9+x] < small.V[y*9+x+1] {
				out |= 1
			}
		}
	}
	return out
}

// PHash is the 64-bit perceptual hash: signs of the 8x8 lowest frequencies, without the mean, of the DCT of a 32x32
// reduction, against their median.
func PHash(p Plane) uint64 {
	const side, kept = 32, 8
	small := p.Reduced(side, side)
	var rows [side][kept]float64
	for y := range side {
		for u := range kept {
			for x := range side {
				rows[y][u] += small.V[y*side+x] * cosines[u][x]
			}
		}
	}
	var low [kept * kept]float64
	for v := range kept {
		for u := range kept {
			for y := range side {
				low[v*kept+u] += rows[y][u] * cosines[v][y]
			}
		}
	}
	sorted := slices.Clone(low[1:])
	slices.Sort(sorted)
	median := sorted[len(sorted)/2]
	var out uint64
	for i, v := range low {
		if i > 0 && v > median {
			out |= 1 << i
		}
	}
	return out
}

// cosines are the DCT-II basis for 32 samples, up to frequency 7.
var cosines = func() (out [8][32]float64) {
	for u := range out {
		for x := range out[u] {
			out[u][x] = math.Cos(math.Pi / 32 * (float64(x) + 0.5) * float64(u))
		}
	}
	return out
}()
