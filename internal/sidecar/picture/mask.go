package picture

import (
	"errors"
	"fmt"
	"image"
	"slices"
)

// ErrNotPlain says that a garment's mask cannot be derived: its background is not plain, or garment and background look alike.
var ErrNotPlain = errors.New("the garment cannot be told from its background")

// Bounds of a derived mask's coverage. A garment that fills less is a speck or has the background's colour, one that fills more has no background.
const (
	minCoverage = 0.05
	maxCoverage = 0.88
)

// background is a colour model of the frame: its median and how far the frame's pixels stray from it.
type background struct {
	colour    [3]int
	tolerance int
}

// DeriveMask tells a garment from a plain background: the colour of the frame is the background's, what connects to the frame in that colour is
// background, and so are enclosed areas of exactly that colour (between sleeve and body). The picture is opaque with bounds at 0,0.
// The mask has one byte per pixel, 0 or 255. Every error wraps ErrNotPlain.
func DeriveMask(img *image.RGBA) ([]byte, error) {
	g := newGrid(img.Rect.Dx(), img.Rect.Dy())
	frame := frameOf(g)
	back, err := modelFrame(img, frame)
	if err != nil {
		return nil, err
	}
	like := func(i int) bool { return distance(rgbAt(img, i), back.colour) <= back.tolerance }
	for i := range g.pix {
		g.pix[i] = 255
	}
	g.flood(frame, like, func(i int) { g.pix[i] = 0 })
	g = closeGaps(g)
	removeHoles(g, img, back, like)
	removeSpecks(g)
	trimEdge(g, img, back)
	coverage := float64(g.count()) / float64(len(g.pix))
	if coverage < minCoverage || coverage > maxCoverage {
		return nil, fmt.Errorf("%w: it would cover %.0f %% of the picture, %.0f to %.0f %% are plausible",
			ErrNotPlain, 100*coverage, 100*minCoverage, 100*maxCoverage)
	}
	return g.pix, nil
}

func frameOf(g grid) []int {
	var frame []int
	for x := range g.w {
		frame = append(frame, x, (g.h-1)*g.w+x)
	}
	for y := 1; y < g.h-1; y++ {
		frame = append(frame, y*g.w, y*g.w+g.w-1)
	}
	return frame
}

// modelFrame takes the median, so that a sleeve that touches the frame does not bend the model, and asks that most of the frame is near it.
func modelFrame(img *image.RGBA, frame []int) (background, error) {
	var b background
	for c := range b.colour {
		values := make([]int, len(frame))
		for i, at := range frame {
			values[i] = rgbAt(img, at)[c]
		}
		slices.Sort(values)
		b.colour[c] = values[len(values)/2]
	}
	strays := make([]int, len(frame))
	for i, at := range frame {
		strays[i] = distance(rgbAt(img, at), b.colour)
	}
	slices.Sort(strays)
	const fewest, widest = 5, 28
	typical := strays[len(strays)*7/10]
	if typical > widest {
		return b, fmt.Errorf("%w: the colours of its frame differ by %d levels, at most %d are plain", ErrNotPlain, typical, widest)
	}
	b.tolerance = min(max(fewest, 2*typical), widest)
	return b, nil
}

// closeGaps bridges cracks: a thin stripe of the background's colour that runs across the garment lets the flood in.
func closeGaps(g grid) grid {
	r := max(1, max(g.w, g.h)/100)
	closed := g.spread(r)
	for i, v := range closed.pix {
		closed.pix[i] = 255 - v
	}
	closed = closed.spread(r)
	for i, v := range closed.pix {
		// What lies within r of the frame has no outside to shrink from, so the flood's word stands there.
		closed.pix[i] = max(g.pix[i], 255-v)
	}
	return closed
}

// removeHoles clears enclosed areas of the background's colour. Prints of nearly that colour stay: a hole must match it as tightly as the frame
// does, and be no speck.
func removeHoles(g grid, img *image.RGBA, back background, like func(i int) bool) {
	least := max(4, len(g.pix)/400)
	for _, group := range g.components(func(i int) bool { return g.pix[i] != 0 && like(i) }) {
		if len(group) < least {
			continue
		}
		sum := 0
		for _, i := range group {
			sum += distance(rgbAt(img, i), back.colour)
		}
		if sum > len(group)*max(2, back.tolerance/4) {
			continue
		}
		for _, i := range group {
			g.pix[i] = 0
		}
	}
}

// trimEdge puts the edge where a pixel is half garment: pixels on the border that are nearer to the background than to the garment beside them
// are smoothing between the two, and would become a light rim around the worn garment.
func trimEdge(g grid, img *image.RGBA, back background) {
	var trimmed []int
	for i, v := range g.pix {
		if v == 0 {
			continue
		}
		edge, strongest := false, 0
		g.around(i, func(j int) {
			if g.pix[j] == 0 {
				edge = true
				return
			}
			strongest = max(strongest, distance(rgbAt(img, j), back.colour))
		})
		if edge && 2*distance(rgbAt(img, i), back.colour) < strongest {
			trimmed = append(trimmed, i)
		}
	}
	for _, i := range trimmed {
		g.pix[i] = 0
	}
}

// removeSpecks keeps the largest part and whatever is at least a fiftieth of it (a belt, the second sleeve).
func removeSpecks(g grid) {
	groups := g.components(func(i int) bool { return g.pix[i] != 0 })
	largest := 0
	for _, group := range groups {
		largest = max(largest, len(group))
	}
	for _, group := range groups {
		if len(group)*50 >= largest {
			continue
		}
		for _, i := range group {
			g.pix[i] = 0
		}
	}
}

// maskFromAlpha takes a picture's transparency as its mask.
func maskFromAlpha(img *image.RGBA) []byte {
	mask := make([]byte, img.Rect.Dx()*img.Rect.Dy())
	for i := range mask {
		if img.Pix[4*i+3] >= 128 {
			mask[i] = 255
		}
	}
	return mask
}

// maskFromPicture takes a mask's picture: light on dark, or opaque on transparent.
func maskFromPicture(img *image.RGBA) []byte {
	if !img.Opaque() {
		return maskFromAlpha(img)
	}
	mask := make([]byte, img.Rect.Dx()*img.Rect.Dy())
	for i := range mask {
		if p := rgbAt(img, i); p[0]+p[1]+p[2] >= 3*128 {
			mask[i] = 255
		}
	}
	return mask
}
