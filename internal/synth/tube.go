package synth

import "math"

// tube is a bent limb: two bones with a radius that changes along them.
type tube struct {
	start, joint, end point
	radius            [3]float64 // at start, joint and end
}

// place is where a point lies on a tube.
type place struct {
	along  float64 // 0 at the start, 1 at the joint, 2 at the end
	across float64 // -1 … 1 from edge to edge; positive to the left of the walking direction
	depth  float64 // 0 on the bone, 1 on the surface
}

// bone is one half of a tube, with what every sample needs worked out once.
type bone struct {
	index       float64
	from, unit  point
	length      float64
	start, gain float64 // radius at the start, and what it gains up to the end
	reach       float64 // the larger radius, squared
}

func (t *tube) bones() [2]bone {
	var out [2]bone
	for i, ends := range [2][2]point{{t.start, t.joint}, {t.joint, t.end}} {
		axis := ends[1].sub(ends[0])
		length := max(axis.length(), 1e-9)
		reach := max(t.radius[i], t.radius[i+1])
		out[i] = bone{float64(i), ends[0], axis.scale(1 / length), length, t.radius[i], t.radius[i+1] - t.radius[i], reach * reach}
	}
	return out
}

// columns is the range of x, on the line at y, outside of which nothing is within reach of the bone.
func (b *bone) columns(y float64) (low, high float64) {
	reach := math.Sqrt(b.reach)
	first, last := 0.0, b.length
	if b.unit.y != 0 {
		p, q := (y-reach-b.from.y)/b.unit.y, (y+reach-b.from.y)/b.unit.y
		first, last = clamp(min(p, q), 0, b.length), clamp(max(p, q), 0, b.length)
	}
	p, q := b.from.x+b.unit.x*first, b.from.x+b.unit.x*last
	return min(p, q) - reach, max(p, q) + reach
}

// locate returns the place of p on one bone and whether p is inside.
func (b *bone) locate(p point) (place, bool) {
	rel := p.sub(b.from)
	along := clamp(rel.dot(b.unit), 0, b.length)
	off := rel.sub(b.unit.scale(along))
	distance := off.dot(off)
	if distance >= b.reach {
		return place{}, false
	}
	along /= b.length
	r := b.start + b.gain*along
	depth := math.Sqrt(distance) / r
	if depth >= 1 {
		return place{}, false
	}
	side := (b.unit.x*rel.y - b.unit.y*rel.x) / r
	return place{b.index + along, clamp(side, -1, 1), depth}, true
}

// locate returns the place of p on the nearer of two bones and whether p is inside.
func locate(bones *[2]bone, p point) (place, bool) {
	a, inA := bones[0].locate(p)
	b, inB := bones[1].locate(p)
	if inA && (!inB || a.depth < b.depth) {
		return a, true
	}
	return b, inB
}

func (t *tube) grown(by float64) *tube {
	g := *t
	for i := range g.radius {
		g.radius[i] += by
	}
	return &g
}

// tubeBrush returns the colour and the label of a sample on a tube; ok is false where the tube is not painted.
type tubeBrush func(at place, p point, under rgb) (colour rgb, label uint8, ok bool)

// fillTube paints the inside of a tube.
func (c *canvas) fillTube(t *tube, where labelSet, paint tubeBrush) {
	reach := max(t.radius[0], max(t.radius[1], t.radius[2]))
	lowY, highY := min(t.start.y, t.joint.y, t.end.y)-reach, max(t.start.y, t.joint.y, t.end.y)+reach
	bones := t.bones()
	y0, y1 := c.rows(lowY, highY)
	for y := y0; y < y1; y++ {
		lowA, highA := bones[0].columns(c.bodyY(y))
		lowB, highB := bones[1].columns(c.bodyY(y))
		x0, x1 := c.columns(min(lowA, lowB), max(highA, highB))
		for x := x0; x < x1; x++ {
			i := y*c.width + x
			if where>>c.label[i]&1 == 0 {
				continue
			}
			p := point{c.bodyX(x), c.bodyY(y)}
			at, inside := locate(&bones, p)
			if !inside {
				continue
			}
			if colour, label, ok := paint(at, p, c.sample(i)); ok {
				c.set(i, colour)
				if label != keepLabel {
					c.label[i] = label
				}
			}
		}
	}
}

// roundness is the brightness over a cylinder lit from the upper left.
func roundness(across float64) float64 {
	a := clamp(across, -1, 1)
	return 1.03 - 0.30*a*a*a*a - 0.10*a*a - 0.05*a
}
