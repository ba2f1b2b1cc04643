package imaging

import (
	"errors"
	"fmt"
	"image"
	"math"
)

// ErrNotComparable says that two pictures, or a picture and a region, do not have the same size, or that nothing is left to compare.
var ErrNotComparable = errors.New("pictures cannot be compared")

func sameSize(a, b *image.RGBA, region []bool) error {
	if a.Rect.Size() != b.Rect.Size() {
		return fmt.Errorf("%w: %v and %v", ErrNotComparable, a.Rect.Size(), b.Rect.Size())
	}
	if region != nil && len(region) != a.Rect.Dx()*a.Rect.Dy() {
		return fmt.Errorf("%w: region of %d pixels for %v", ErrNotComparable, len(region), a.Rect.Size())
	}
	return nil
}

// ssimWindow is the reference implementation's window: 11 taps of a Gaussian with sigma 1.5.
const (
	ssimWindow = 11
	ssimSigma  = 1.5
)

var ssimTaps = func() (taps [ssimWindow]float64) {
	sum := 0.0
	for i := range taps {
		d := float64(i - ssimWindow/2)
		taps[i] = math.Exp(-d * d / (2 * ssimSigma * ssimSigma))
		sum += taps[i]
	}
	for i := range taps {
		taps[i] /= sum
	}
	return taps
}()

// SSIM is the mean structural similarity of the lumas, -1 … 1 (Wang, Bovik, Sheikh, Simoncelli 2004: Gaussian window 11x11,
// sigma 1.5, K1 0.01, K2 0.03, L 255; only windows that lie wholly inside the picture count). With a region, one bool per pixel,
// the mean is over windows whose centre lies in it. Errors wrap ErrNotComparable.
func SSIM(a, b *image.RGBA, region []bool) (float64, error) {
	scores, err := SSIMRegions(a, b, region)
	if err != nil {
		return 0, err
	}
	return scores[0], nil
}

// SSIMRegions computes the SSIM map once and gives its mean over each region; a nil region is the whole picture.
func SSIMRegions(a, b *image.RGBA, regions ...[]bool) ([]float64, error) {
	for _, region := range regions {
		if err := sameSize(a, b, region); err != nil {
			return nil, err
		}
	}
	w, h := a.Rect.Dx(), a.Rect.Dy()
	if w < ssimWindow || h < ssimWindow {
		return nil, fmt.Errorf("%w: %dx%d is smaller than the window of %d", ErrNotComparable, w, h, ssimWindow)
	}
	similarity := ssimMap(Luma(a), Luma(b))
	out := make([]float64, len(regions))
	for k, region := range regions {
		n := 0
		for i, v := range similarity.V {
			centre := (i/similarity.W+ssimWindow/2)*w + i%similarity.W + ssimWindow/2
			if region == nil || region[centre] {
				out[k] += v
				n++
			}
		}
		if n == 0 {
			return nil, fmt.Errorf("%w: region %d holds no window", ErrNotComparable, k)
		}
		out[k] /= float64(n)
	}
	return out, nil
}

func ssimMap(a, b Plane) Plane {
	const c1, c2 = 0.01 * 255 * 0.01 * 255, 0.03 * 255 * 0.03 * 255
	product := func(x, y Plane) Plane {
		out := Plane{W: x.W, H: x.H, V: make([]float64, len(x.V))}
		for i := range out.V {
			out.V[i] = x.V[i] * y.V[i]
		}
		return out
	}
	ma, mb := smooth(a), smooth(b)
	aa, bb, ab := smooth(product(a, a)), smooth(product(b, b)), smooth(product(a, b))
	for i := range ma.V {
		x, y := ma.V[i], mb.V[i]
		ma.V[i] = (2*x*y + c1) * (2*(ab.V[i]-x*y) + c2) / ((x*x + y*y + c1) * (aa.V[i] - x*x + bb.V[i] - y*y + c2))
	}
	return ma
}

// smooth filters with the SSIM window; the result is smaller by the window less one.
func smooth(p Plane) Plane {
	w, h := p.W-ssimWindow+1, p.H-ssimWindow+1
	across := make([]float64, w*p.H)
	for y := range p.H {
		for x := range w {
			sum := 0.0
			for k, t := range ssimTaps {
				sum += t * p.V[y*p.W+x+k]
			}
			across[y*w+x] = sum
		}
	}
	out := Plane{W: w, H: h, V: make([]float64, w*h)}
	for y := range h {
		for k, t := range ssimTaps {
			from := across[(y+k)*w : (y+k+1)*w]
			into := out.V[y*w : (y+1)*w]
			for x, v := range from {
				into[x] += t * v
			}
		}
	}
	return out
}

// L1 is the mean absolute difference over the colour channels, 0 … 1, where region is true; nil is the whole picture.
// Errors wrap ErrNotComparable.
func L1(a, b *image.RGBA, region []bool) (float64, error) {
	sum, n, err := accumulate(a, b, region, math.Abs)
	if err != nil {
		return 0, err
	}
	return sum / n / 255, nil
}

// PSNR is the peak signal-to-noise ratio over the colour channels in dB where region is true; equal pictures give 100, so
// that means stay finite. Errors wrap ErrNotComparable.
func PSNR(a, b *image.RGBA, region []bool) (float64, error) {
	sum, n, err := accumulate(a, b, region, func(d float64) float64 { return d * d })
	if err != nil {
		return 0, err
	}
	const ceiling = 100
	if sum == 0 {
		return ceiling, nil
	}
	return math.Min(ceiling, 10*math.Log10(255*255*n/sum)), nil
}

func accumulate(a, b *image.RGBA, region []bool, f func(float64) float64) (sum, n float64, err error) {
	if err := sameSize(a, b, region); err != nil {
		return 0, 0, err
	}
	w, h := a.Rect.Dx(), a.Rect.Dy()
	for i := range w * h {
		if region != nil && !region[i] {
			continue
		}
		pa, pb := a.Pix[i/w*a.Stride+4*(i%w):], b.Pix[i/w*b.Stride+4*(i%w):]
		for c := range 3 {
			sum += f(float64(pa[c]) - float64(pb[c]))
		}
		n += 3
	}
	if n == 0 {
		return 0, 0, fmt.Errorf("%w: the region is empty", ErrNotComparable)
	}
	return sum, n, nil
}
