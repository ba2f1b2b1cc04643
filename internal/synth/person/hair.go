package person

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/dice"
	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// hairBrush is glossy hair: strands and a band of light at a height relative to the head.
func (p *Painter) hairBrush(gloss, depth float64) draw.LineBrush {
	phase := float64(p.creases % 31)
	return func(y float64) draw.Dab {
		dy := y - p.Head.Y
		curl := math.Sin(dy*30) * 1.2
		return func(x float64, _ draw.RGB) draw.RGB {
			dx := x - p.Head.X
			strand := math.Sin(dx*260+curl+phase) * 0.035
			band := draw.Bell((dy-gloss-dx*dx*6)/0.014) * 0.16 * (1 - draw.Smoothstep(0.02, 0.07, math.Abs(dx)))
			light := 1 + strand - depth - 0.18*draw.Smoothstep(0.02, 0.085, math.Abs(dx))
			c := p.hair.Mix(draw.RGB{R: 1, G: 0.93, B: 0.84}, draw.Clamp(band, 0, 1))
			if light > 1 {
				return c.Times(light)
			}
			return c.Shadow(draw.Clamp((1-light)*1.1, 0, 1))
		}
	}
}

func (p *Painter) drawBackHair() {
	var right []draw.Point
	switch p.hairStyle {
	case hairBob:
		right = draw.Curve(draw.XY(0, -0.098), draw.XY(0.05, -0.082), draw.XY(0.074, -0.02), draw.XY(0.078, 0.06), draw.XY(0.062, 0.093), draw.XY(0.02, 0.085))
	case hairLong:
		right = draw.Curve(draw.XY(0, -0.098), draw.XY(0.052, -0.08), draw.XY(0.072, -0.01), draw.XY(0.076, 0.10), draw.XY(0.084, 0.2), draw.XY(0.06, 0.245), draw.XY(0.02, 0.22))
	case hairWavy:
		right = draw.Curve(draw.XY(0, -0.1), draw.XY(0.056, -0.082), draw.XY(0.078, -0.02), draw.XY(0.074, 0.03), draw.XY(0.09, 0.075), draw.XY(0.082, 0.12), draw.XY(0.096, 0.165), draw.XY(0.07, 0.205), draw.XY(0.02, 0.19))
	case hairCurly:
		p.drawCurls()
		return
	case hairBun:
		p.FillLines(p.place(draw.Ellipse(draw.XY(0.004, -0.112), 0.033, 0.030, 0)), draw.LabelHair, draw.Anywhere, p.hairBrush(-0.122, 0.02))
		return
	case hairTail:
		side := math.Copysign(1, p.parting)
		tail := draw.Loop(draw.XY(side*0.04, -0.07), draw.XY(side*0.085, -0.045), draw.XY(side*0.092, 0.05), draw.XY(side*0.078, 0.14), draw.XY(side*0.062, 0.06), draw.XY(side*0.05, -0.02))
		p.FillLines(p.place(tail), draw.LabelHair, draw.Anywhere, p.hairBrush(-0.03, 0.1))
		return
	default:
		return
	}
	p.FillLines(p.place(draw.Symmetric(right)), draw.LabelHair, draw.Anywhere, p.hairBrush(-0.06, 0.22))
}

// drawCurls paints a round cloud of curls.
func (p *Painter) drawCurls() {
	d := dice.Roll(p.creases, "hair", 0, "curls")
	for ring, radius := range []float64{0.0, 0.052, 0.076} {
		count := []int{1, 10, 17}[ring]
		for i := range count {
			a := 2 * math.Pi * (float64(i) + d.Float64()*0.4) / float64(count)
			centre := draw.XY(math.Sin(a)*radius, -0.028-math.Cos(a)*radius*0.93)
			if centre.Y > 0.04 {
				continue
			}
			size := d.Between(0.024, 0.031) + 0.045*float64(max(0, 1-ring))
			light := d.Between(0.02, 0.2)
			p.FillLines(p.place(draw.Ellipse(centre, size, size, 0)), draw.LabelHair, draw.Anywhere, p.hairBrush(-0.075, light))
		}
	}
}

// drawFrontHair paints what falls over the forehead and, for long cuts, over the shoulders.
func (p *Painter) drawFrontHair() {
	paint := p.hairBrush(-0.066, 0)
	switch p.hairStyle {
	case hairBuzz:
		cap := draw.Symmetric(draw.Curve(draw.XY(0, -0.086), draw.XY(0.038, -0.077), draw.XY(0.055, -0.038), draw.XY(0.053, -0.008), draw.XY(0.046, -0.03), draw.XY(0.034, -0.055), draw.XY(0, -0.06)))
		p.FillLines(p.place(cap), draw.LabelHair, draw.Anywhere, paint)
	case hairCurly:
		p.drawFringe(0.062)
	default:
		p.drawFringe(0.060)
	}
	if p.hairStyle == hairLong || p.hairStyle == hairWavy {
		p.drawLocks()
	}
}

// drawFringe paints the crown down to a parted hairline.
func (p *Painter) drawFringe(width float64) {
	part := p.parting * 0.024
	line := -0.050 + 0.024*p.fringe
	temple := 0.012
	if p.hairStyle == hairCrop {
		temple = -0.006
	}
	crown := draw.Curve(draw.XY(-width+0.007, temple), draw.XY(-width, -0.028), draw.XY(-0.045, -0.082), draw.XY(0, -0.1), draw.XY(0.045, -0.082), draw.XY(width, -0.028), draw.XY(width-0.007, temple))
	back := draw.Curve(draw.XY(0.0475, -0.016), draw.XY(0.040, line+0.006), draw.XY(0.5*part+0.02, line-0.010), draw.XY(part, -0.066), draw.XY(0.5*part-0.02, line-0.010), draw.XY(-0.040, line+0.006), draw.XY(-0.0475, -0.016))
	p.FillLines(p.place(append(crown, back...)), draw.LabelHair, draw.Anywhere, p.hairBrush(-0.068, 0))
}

// drawLocks lets long hair fall in front of the shoulders.
func (p *Painter) drawLocks() {
	paint := p.hairBrush(0.02, 0.06)
	for _, side := range []float64{-1, 1} {
		lock := []draw.Point{draw.XY(side*0.045, -0.045), draw.XY(side*0.062, -0.025), draw.XY(side*0.073, 0.06), draw.XY(side*0.082, 0.15), draw.XY(side*0.080, 0.225), draw.XY(side*0.056, 0.235), draw.XY(side*0.043, 0.16), draw.XY(side*0.046, 0.09), draw.XY(side*0.0475, 0.03)}
		if p.hairStyle == hairWavy {
			lock = []draw.Point{draw.XY(side*0.045, -0.045), draw.XY(side*0.064, -0.025), draw.XY(side*0.072, 0.035), draw.XY(side*0.086, 0.08), draw.XY(side*0.078, 0.125), draw.XY(side*0.092, 0.17), draw.XY(side*0.066, 0.20), draw.XY(side*0.046, 0.18), draw.XY(side*0.054, 0.13), draw.XY(side*0.044, 0.085), draw.XY(side*0.048, 0.04)}
		}
		p.FillLines(p.place(draw.Loop(lock...)), draw.LabelHair, draw.Anywhere, paint)
	}
}
