package draw

import "math"

// Tube is a bent limb in body units: two bones with a radius that changes along them.
type Tube struct {
	Start, Joint, End Point
	Radius            [3]float64 // at start, joint and end
}

// Place is where a point lies on a tube.
type Place struct {
	Along  float64 // 0 at the start, 1 at the joint, 2 at the end
	Across float64 // -1 … 1 from edge to edge; positive to the left of the walking direction
	Depth  float64 // 0 on the bone, 1 on the surface
}

// Grown is the tube with a larger radius everywhere.
func (t *Tube) Grown(by float64) *Tube {
	g := *t
	for i := range g.Radius {
		g.Radius[i] += by
	}
	return &g
}

// bone is one half of a tube, with what every sample needs worked out once.
type bone struct {
	index       float64
	from, unit  Point
	length      float64
	start, gain float64 // radius at the start, and what it gains up to the end
	reach       float64 // the larger radius, squared
}

func (t *Tube) bones() [2]bone {
	var out [2]bone
	for i, ends := range [2][2]Point{{t.Start, t.Joint}, {t.Joint, t.End}} {
		axis := ends[1].Sub(ends[0])
		length := max(axis.Length(), 1e-9)
		reach := max(t.Radius[i], t.Radius[i+1])
		out[i] = bone{float64(i), ends[0], axis.Scale(1 / length), length, t.Radius[i], t.Radius[i+1] - t.Radius[i], reach * reach}
	}
	return out
}

// columns is the range of x, on the line at y, outside of which nothing is within reach of the bone.
func (b *bone) columns(y float64) (low, high float64) {
	reach := math.Sqrt(b.reach)
	first, last := 0.0, b.length
	if b.unit.Y != 0 {
		p, q := (y-reach-b.from.Y)/b.unit.Y, (y+reach-b.from.Y)/b.unit.Y
		first, last = Clamp(min(p, q), 0, b.length), Clamp(max(p, q), 0, b.length)
	}
	p, q := b.from.X+b.unit.X*first, b.from.X+b.unit.X*last
	return min(p, q) - reach, max(p, q) + reach
}

// locate returns the place of p on one bone and whether p is inside.
func (b *bone) locate(p Point) (Place, bool) {
	rel := p.Sub(b.from)
	along := Clamp(rel.Dot(b.unit), 0, b.length)
	off := rel.Sub(b.unit.Scale(along))
	distance := off.Dot(off)
	if distance >= b.reach {
		return Place{}, false
	}
	along /= b.length
	r := b.start + b.gain*along
	depth := math.Sqrt(distance) / r
	if depth >= 1 {
		return Place{}, false
	}
	side := (b.unit.X*rel.Y - b.unit.Y*rel.X) / r
	return Place{b.index + along, Clamp(side, -1, 1), depth}, true
}

// locate returns the place of p on the nearer of two bones and whether p is inside.
func locate(bones *[2]bone, p Point) (Place, bool) {
	a, inA := bones[0].locate(p)
	b, inB := bones[1].locate(p)
	if inA && (!inB || a.Depth < b.Depth) {
		return a, true
	}
	return b, inB
}

// TubeBrush returns the colour and the label of a sample on a tube; ok is false where the tube is not painted.
type TubeBrush func(at Place, p Point, under RGB) (colour RGB, label uint8, ok bool)

// FillTube paints the samples inside a tube that carry a label of the set.
func (c *Canvas) FillTube(t *Tube, where LabelSet, paint TubeBrush) {
	reach := max(t.Radius[0], max(t.Radius[1], t.Radius[2]))
	lowY, highY := min(t.Start.Y, t.Joint.Y, t.End.Y)-reach, max(t.Start.Y, t.Joint.Y, t.End.Y)+reach
	bones := t.bones()
	y0, y1 := c.rows(lowY, highY)
	for y := y0; y < y1; y++ {
		lowA, highA := bones[0].columns(c.bodyY(y))
		lowB, highB := bones[1].columns(c.bodyY(y))
		x0, x1 := c.columns(min(lowA, lowB), max(highA, highB))
		for x := x0; x < x1; x++ {
			i := y*c.width + x
			if !where.Has(c.label[i]) {
				continue
			}
			p := Point{c.columnX[x], c.bodyY(y)}
			at, inside := locate(&bones, p)
			if !inside {
				continue
			}
			if colour, label, ok := paint(at, p, c.pix[i].colour()); ok {
				c.pix[i] = sampleOf(colour)
				if label != KeepLabel {
					c.label[i] = label
				}
			}
		}
	}
}
