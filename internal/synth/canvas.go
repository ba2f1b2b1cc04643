package synth

import (
	"cmp"
	"image"
	"image/color"
	"math"
	"slices"
)

// samples is the number of samples per pixel and direction; the box filter over 3x3 of them smooths every edge and texture.
const samples = 3

// Labels of the CIHP-20 palette that the drawings use, and two of our own for hands, which count as arms in the parse map
// but stay visible in the agnostic picture.
const (
	labelBackground = 0
	labelHair       = 2
	labelUpper      = 5
	labelPants      = 9
	labelNeck       = 10
	labelFace       = 13
	labelLeftArm    = 14
	labelRightArm   = 15
	labelLeftLeg    = 16
	labelRightLeg   = 17
	labelLeftShoe   = 18
	labelRightShoe  = 19
	labelLeftHand   = 20
	labelRightHand  = 21
	labelCount      = 22
	keepLabel       = 0xff
)

// labelSet restricts a brush to samples that carry one of its labels.
type labelSet uint32

const anywhere labelSet = 1<<labelCount - 1

func only(labels ...uint8) labelSet {
	var s labelSet
	for _, l := range labels {
		s |= 1 << l
	}
	return s
}

// brush returns the colour of a sample at (x, y) in body units over what is already there.
type brush func(x, y float64, under rgb) rgb

// lineBrush is a brush in two steps, for large areas: once per line of samples for what depends on y alone, then per sample.
type lineBrush func(y float64) dab

// dab returns the colour of the sample at x on its line.
type dab func(x float64, under rgb) rgb

func (b brush) lines(y float64) dab {
	return func(x float64, under rgb) rgb { return b(x, y, under) }
}

// canvas holds the samples of one picture: three colour bytes and a label each.
type canvas struct {
	width, height int // in samples
	unit          float64
	left, top     float64 // body coordinates of the first sample's corner
	pix, label    []uint8
	columnX       []float64 // body coordinate of each column of samples
	crossings     []crossing
}

type crossing struct {
	x       float64
	winding int
}

// view places body coordinates in the frame: zoom 1 shows one unit of height.
type view struct{ zoom, dx, dy float64 }

func newCanvas(width, height int) *canvas {
	c := &canvas{width: width * samples, height: height * samples}
	c.pix = make([]uint8, 3*c.width*c.height)
	c.label = make([]uint8, c.width*c.height)
	c.columnX = make([]float64, c.width)
	return c
}

// reset paints one colour everywhere and sets the view.
func (c *canvas) reset(background rgb, v view) {
	c.unit = float64(c.height) * v.zoom
	c.left = -float64(c.width)/2/c.unit - v.dx
	c.top = -v.dy
	for x := range c.columnX {
		c.columnX[x] = c.left + (float64(x)+0.5)/c.unit
	}
	clear(c.label)
	c.set(0, background)
	for done := 3; done < len(c.pix); done *= 2 {
		copy(c.pix[done:], c.pix[:done])
	}
}

// sample returns the colour of a sample, with channels looked up because three divisions cost more than most brushes.
func (c *canvas) sample(i int) rgb {
	p := c.pix[3*i : 3*i+3]
	return rgb{channel[p[0]], channel[p[1]], channel[p[2]]}
}

func (c *canvas) set(i int, v rgb) {
	p := c.pix[3*i : 3*i+3]
	p[0], p[1], p[2] = toByte(v.r), toByte(v.g), toByte(v.b)
}

// wash applies the brush to every sample of the frame that carries a label of the set, and leaves labels alone.
func (c *canvas) wash(where labelSet, paint lineBrush) {
	for y := range c.height {
		c.paintLine(y, 0, c.width, spanPaint{keepLabel, where, paint(c.bodyY(y))})
	}
}

func (c *canvas) bodyX(x int) float64 { return c.columnX[x] }
func (c *canvas) bodyY(y int) float64 { return c.top + (float64(y)+0.5)/c.unit }

// rows and columns return the range of samples that [low, high] in body units may touch.
func (c *canvas) rows(low, high float64) (int, int) {
	return max(0, int(math.Floor((low-c.top)*c.unit))), min(c.height, int(math.Ceil((high-c.top)*c.unit))+1)
}

func (c *canvas) columns(low, high float64) (int, int) {
	return max(0, int(math.Floor((low-c.left)*c.unit))), min(c.width, int(math.Ceil((high-c.left)*c.unit))+1)
}

// fill paints the samples inside a polygon (non-zero winding) that carry a label of the set, and gives them the label.
func (c *canvas) fill(polygon []point, label uint8, where labelSet, paint brush) {
	c.fillLines(polygon, label, where, paint.lines)
}

// fillLines is fill with a brush in two steps.
func (c *canvas) fillLines(polygon []point, label uint8, where labelSet, paint lineBrush) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range polygon {
		low, high = min(low, p.y), max(high, p.y)
	}
	first, end := c.rows(low, high)
	for y := first; y < end; y++ {
		c.cross(polygon, c.bodyY(y))
		s := spanPaint{label, where, paint(c.bodyY(y))}
		winding := 0
		for k := 0; k+1 < len(c.crossings); k++ {
			winding += c.crossings[k].winding
			if winding != 0 {
				c.span(y, c.crossings[k].x, c.crossings[k+1].x, s)
			}
		}
	}
}

// cross collects where the horizontal line at y meets the polygon, from left to right.
func (c *canvas) cross(polygon []point, y float64) {
	c.crossings = c.crossings[:0]
	for i, a := range polygon {
		b := polygon[(i+1)%len(polygon)]
		if (a.y <= y) == (b.y <= y) {
			continue
		}
		winding := 1
		if a.y > b.y {
			winding = -1
		}
		c.crossings = append(c.crossings, crossing{a.x + (b.x-a.x)*(y-a.y)/(b.y-a.y), winding})
	}
	slices.SortFunc(c.crossings, func(a, b crossing) int { return cmp.Compare(a.x, b.x) })
}

type spanPaint struct {
	label uint8
	where labelSet
	paint dab
}

// span paints the samples of a line whose centres lie between two body coordinates.
func (c *canvas) span(y int, low, high float64, s spanPaint) {
	first := max(0, int(math.Ceil((low-c.left)*c.unit-0.5)))
	end := min(c.width, int(math.Ceil((high-c.left)*c.unit-0.5)))
	c.paintLine(y, first, end, s)
}

func (c *canvas) paintLine(y, first, end int, s spanPaint) {
	for x := first; x < end; x++ {
		i := y*c.width + x
		if s.where>>c.label[i]&1 == 0 {
			continue
		}
		c.set(i, s.paint(c.bodyX(x), c.sample(i)))
		if s.label != keepLabel {
			c.label[i] = s.label
		}
	}
}

// picture box-filters the samples to pixels.
func (c *canvas) picture() *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, c.width/samples, c.height/samples))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			var r, g, b int
			for sy := range samples {
				p := (*[3 * samples]uint8)(c.pix[3*c.at(x, y, sy):])
				for k := 0; k < len(p); k += 3 {
					r, g, b = r+int(p[k]), g+int(p[k+1]), b+int(p[k+2])
				}
			}
			const area = samples * samples
			out.SetRGBA(x, y, color.RGBA{uint8((r + area/2) / area), uint8((g + area/2) / area), uint8((b + area/2) / area), 255})
		}
	}
	return out
}

// at is the index of the first sample on line sy of a pixel.
func (c *canvas) at(x, y, sy int) int { return (y*samples+sy)*c.width + x*samples }

// labels returns the most frequent label of each pixel; hands keep their own.
func (c *canvas) labels() []uint8 {
	w, h := c.width/samples, c.height/samples
	out := make([]uint8, 0, w*h)
	for y := range h {
		for x := range w {
			label := c.label[c.at(x, y, 0)]
			if !c.uniform(x, y, label) {
				label = c.vote(x, y)
			}
			out = append(out, label)
		}
	}
	return out
}

// uniform is true for the many pixels that need no vote.
func (c *canvas) uniform(x, y int, label uint8) bool {
	for sy := range samples {
		at := c.at(x, y, sy)
		for _, l := range c.label[at : at+samples] {
			if l != label {
				return false
			}
		}
	}
	return true
}

// vote returns the label of most samples of a pixel, of equals the one that got there first.
func (c *canvas) vote(x, y int) uint8 {
	var votes [labelCount]uint8
	best := uint8(0)
	for sy := range samples {
		at := c.at(x, y, sy)
		for _, l := range c.label[at : at+samples] {
			votes[l]++
			if votes[l] > votes[best] {
				best = l
			}
		}
	}
	return best
}
