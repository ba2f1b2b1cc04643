package draw

import (
	"image"
	"image/color"
	"math"
)

// samples is the number of samples per pixel and direction; the box filter over 3x3 of them smooths every edge and texture.
const samples = 3

// Canvas holds the samples of one picture: three colour bytes and a label each. It is drawn on again and again, by one goroutine at a time.
type Canvas struct {
	width, height int // in samples
	unit          float64
	left, top     float64 // body coordinates of the first sample's corner
	pix           []sample
	label         []uint8   // one for each of pix
	columnX       []float64 // body coordinate of each column of samples
	crossings     []crossing
}

// View places body coordinates in the frame: zoom 1 shows one unit of height; DX and DY, in body units, shift the picture right and down.
type View struct{ Zoom, DX, DY float64 }

// NewCanvas returns a canvas for pictures of this many pixels. Reset it before the first stroke.
func NewCanvas(width, height int) *Canvas {
	c := &Canvas{width: width * samples, height: height * samples}
	c.pix = make([]sample, c.width*c.height)
	c.label = make([]uint8, c.width*c.height)
	c.columnX = make([]float64, c.width)
	return c
}

// Reset paints one colour everywhere, with label LabelBackground, and sets the view.
func (c *Canvas) Reset(background RGB, v View) {
	c.unit = float64(c.height) * v.Zoom
	c.left = -float64(c.width)/2/c.unit - v.DX
	c.top = -v.DY
	for x := range c.columnX {
		c.columnX[x] = c.left + (float64(x)+0.5)/c.unit
	}
	clear(c.label)
	c.pix[0] = sampleOf(background)
	for done := 1; done < len(c.pix); done *= 2 {
		copy(c.pix[done:], c.pix[:done])
	}
}

// sample is the colour of one sample.
type sample struct{ r, g, b uint8 }

func sampleOf(c RGB) sample { return sample{toByte(c.R), toByte(c.G), toByte(c.B)} }

// colour looks the channels up, because three divisions cost more than most brushes.
func (s sample) colour() RGB { return RGB{channel[s.r], channel[s.g], channel[s.b]} }

func (c *Canvas) bodyY(y int) float64 { return c.top + (float64(y)+0.5)/c.unit }

// rows and columns return the range of samples that [low, high] in body units may touch.
func (c *Canvas) rows(low, high float64) (int, int) {
	return max(0, int(math.Floor((low-c.top)*c.unit))), min(c.height, int(math.Ceil((high-c.top)*c.unit))+1)
}

func (c *Canvas) columns(low, high float64) (int, int) {
	return max(0, int(math.Floor((low-c.left)*c.unit))), min(c.width, int(math.Ceil((high-c.left)*c.unit))+1)
}

// Expose multiplies every colour, as the exposure of a photograph does.
func (c *Canvas) Expose(gain float64) {
	var table [256]uint8
	for i := range table {
		table[i] = toByte(float64(i) / 255 * gain)
	}
	for i, s := range c.pix {
		c.pix[i] = sample{table[s.r], table[s.g], table[s.b]}
	}
}

// Pixel is where a position in body units lies in the picture, in pixels from its upper left corner, and whether that is inside.
func (c *Canvas) Pixel(p Point) (x, y float64, inside bool) {
	width, height := float64(c.width)/samples, float64(c.height)/samples
	x, y = (p.X-c.left)*c.unit/samples, (p.Y-c.top)*c.unit/samples
	return x, y, x >= 0 && y >= 0 && x < width && y < height
}

// Picture box-filters the samples to an opaque picture.
func (c *Canvas) Picture() *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, c.width/samples, c.height/samples))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			var r, g, b int
			for sy := range samples {
				for _, s := range (*[samples]sample)(c.pix[c.at(x, y, sy):]) {
					r, g, b = r+int(s.r), g+int(s.g), b+int(s.b)
				}
			}
			const area = samples * samples
			out.SetRGBA(x, y, color.RGBA{uint8((r + area/2) / area), uint8((g + area/2) / area), uint8((b + area/2) / area), 255})
		}
	}
	return out
}

// at is the index of the first sample on line sy of a pixel.
func (c *Canvas) at(x, y, sy int) int { return (y*samples+sy)*c.width + x*samples }

// Labels returns the most frequent label of each pixel, line after line; hands keep their own.
func (c *Canvas) Labels() []uint8 {
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
func (c *Canvas) uniform(x, y int, label uint8) bool {
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
func (c *Canvas) vote(x, y int) uint8 {
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
