package draw

import (
	"cmp"
	"math"
	"slices"
)

// Brush returns the colour of a sample at (x, y) in body units over what is already there.
type Brush func(x, y float64, under RGB) RGB

// LineBrush is a brush in two steps, for large areas: once per line of samples for what depends on y alone, then per sample.
type LineBrush func(y float64) Dab

// Dab returns the colour of the sample at x on its line.
type Dab func(x float64, under RGB) RGB

func (b Brush) lines(y float64) Dab {
	return func(x float64, under RGB) RGB { return b(x, y, under) }
}

// Wash applies the brush to every sample of the frame that carries a label of the set, and leaves labels alone.
func (c *Canvas) Wash(where LabelSet, paint LineBrush) {
	for y := range c.height {
		c.paintLine(y, 0, c.width, spanPaint{KeepLabel, where, paint(c.bodyY(y))})
	}
}

// Fill paints the samples inside a polygon (non-zero winding) that carry a label of the set, and gives them the label.
func (c *Canvas) Fill(polygon []Point, label uint8, where LabelSet, paint Brush) {
	c.FillLines(polygon, label, where, paint.lines)
}

// FillLines is Fill with a brush in two steps.
func (c *Canvas) FillLines(polygon []Point, label uint8, where LabelSet, paint LineBrush) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range polygon {
		low, high = min(low, p.Y), max(high, p.Y)
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

type crossing struct {
	x       float64
	winding int
}

// cross collects where the horizontal line at y meets the polygon, from left to right.
func (c *Canvas) cross(polygon []Point, y float64) {
	c.crossings = c.crossings[:0]
	for i, a := range polygon {
		b := polygon[(i+1)%len(polygon)]
		if (a.Y <= y) == (b.Y <= y) {
			continue
		}
		winding := 1
		if a.Y > b.Y {
			winding = -1
		}
		c.crossings = append(c.crossings, crossing{a.X + (b.X-a.X)*(y-a.Y)/(b.Y-a.Y), winding})
	}
	slices.SortFunc(c.crossings, func(a, b crossing) int { return cmp.Compare(a.x, b.x) })
}

type spanPaint struct {
	label uint8
	where LabelSet
	paint Dab
}

// span paints the samples of a line whose centres lie between two body coordinates.
func (c *Canvas) span(y int, low, high float64, s spanPaint) {
	first := max(0, int(math.Ceil((low-c.left)*c.unit-0.5)))
	end := min(c.width, int(math.Ceil((high-c.left)*c.unit-0.5)))
	c.paintLine(y, first, end, s)
}

func (c *Canvas) paintLine(y, first, end int, s spanPaint) {
	for x := first; x < end; x++ {
		i := y*c.width + x
		if !s.where.Has(c.label[i]) {
			continue
		}
		c.pix[i] = sampleOf(s.paint(c.columnX[x], c.pix[i].colour()))
		if s.label != KeepLabel {
			c.label[i] = s.label
		}
	}
}
