package person

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// leg is one leg between its outer and inner edge, as functions of y.
type leg struct {
	outer, inner draw.Profile
	side         float64
}

func (l *leg) outline(from, to float64) []draw.Point {
	const steps = 24
	out := make([]draw.Point, 0, 2*steps+2)
	for i := range steps + 1 {
		y := from + (to-from)*float64(i)/steps
		out = append(out, draw.XY(l.side*l.outer.At(y), y))
	}
	for i := steps; i >= 0; i-- {
		y := from + (to-from)*float64(i)/steps
		out = append(out, draw.XY(l.side*l.inner.At(y), y))
	}
	return out
}

// across returns, for a line, the position over the leg's width, -1 … 1.
func (l *leg) across(y float64) func(x float64) float64 {
	o, i := l.side*l.outer.At(y), l.side*l.inner.At(y)
	centre, half := (o+i)/2, math.Abs(o-i)/2+1e-9
	return func(x float64) float64 { return draw.Clamp((x-centre)/half, -1, 1) }
}

// drawLegs paints bare legs and shoes.
func (p *Painter) drawLegs() {
	for i, label := range []uint8{draw.LabelRightLeg, draw.LabelLeftLeg} {
		l := leg{side: []float64{-1, 1}[i]}
		w := p.hip * p.Build
		l.outer = draw.MakeProfile(draw.XY(0.6, w*0.97), draw.XY(0.75, w*0.97), draw.XY(kneeY, 0.098), draw.XY(1.02, 0.104), draw.XY(ankleY, 0.083))
		l.inner = draw.MakeProfile(draw.XY(0.6, 0.004), draw.XY(0.75, 0.012), draw.XY(kneeY, 0.030), draw.XY(1.02, 0.036), draw.XY(ankleY, 0.046))
		p.FillLines(l.outline(0.62, ankleY), label, draw.Anywhere, func(y float64) draw.Dab {
			across := l.across(y)
			return func(x float64, _ draw.RGB) draw.RGB { return shadeSkin(p.skin, draw.Roundness(across(x))) }
		})
		shoe := draw.Ellipse(draw.XY(l.side*0.078, ankleY+0.02), 0.042, 0.028, l.side*0.25)
		p.Fill(shoe, []uint8{draw.LabelRightShoe, draw.LabelLeftShoe}[i], draw.Anywhere, func(_, y float64, _ draw.RGB) draw.RGB {
			return draw.Hex(0x3a3234).Times(1.1 - (y-ankleY)*3)
		})
	}
}

// drawTrousers covers the legs down to where the cut ends.
func (p *Painter) drawTrousers() {
	end := ankleY - 0.01
	flare := []float64{0, 0.012, 0.034, 0.024}[p.cut]
	if p.cut == cutShorts {
		end = 0.80
	}
	w := p.hip*p.Build + 0.005
	for i, side := range []float64{1, -1} {
		l := leg{side: side}
		l.outer = draw.MakeProfile(draw.XY(crotchY-0.03, w), draw.XY(0.76, w+flare*0.4), draw.XY(kneeY, 0.103+flare), draw.XY(ankleY, 0.095+flare*1.3))
		l.inner = draw.MakeProfile(draw.XY(crotchY-0.03, -0.002), draw.XY(crotchY+0.02, 0.003), draw.XY(0.76, 0.012-flare*0.1), draw.XY(kneeY, 0.026-flare*0.4), draw.XY(ankleY, 0.036-flare*0.5))
		p.FillLines(l.outline(crotchY-0.03, end), draw.LabelPants, draw.Anywhere, func(y float64) draw.Dab {
			across, cloth := l.across(y), p.trouserCloth(y)
			return func(x float64, _ draw.RGB) draw.RGB { return cloth(x, draw.Roundness(across(x))+0.02*float64(i)) }
		})
	}
	p.drawHips(w)
}

// drawHips paints the part above the legs: waistband, fly, pockets.
func (p *Painter) drawHips(w float64) {
	const top = 0.535
	waist := p.Trunk.At(top) + 0.003
	right := draw.Curve(draw.XY(waist, top), draw.XY((waist+w)/2*1.01, 0.565), draw.XY(w, HipY+0.01), draw.XY(w, crotchY-0.028))
	outline := draw.Symmetric(append(right, draw.XY(0, crotchY+0.012)))
	p.FillLines(outline, draw.LabelPants, draw.Anywhere, func(y float64) draw.Dab {
		cloth, fly := p.trouserCloth(y), draw.Smoothstep(crotchY-0.07, crotchY, y)
		return func(x float64, _ draw.RGB) draw.RGB {
			band := y < top+0.028
			if band && p.belt {
				return draw.Hex(0x3a2a22).Times(draw.Roundness(x / w))
			}
			colour := cloth(x, draw.Roundness(x/w)-0.10*draw.Smoothstep(0.012, 0, math.Abs(x))*fly)
			if band {
				return colour.Shadow(0.22)
			}
			return colour
		}
	})
	for _, side := range []float64{-1, 1} {
		pocket := draw.Curve(draw.XY(side*w*0.55, top+0.03), draw.XY(side*w*0.72, HipY-0.012), draw.XY(side*w*0.97, HipY))
		p.Fill(draw.Ribbon(pocket, 0.0022), draw.KeepLabel, draw.Only(draw.LabelPants), func(_, _ float64, under draw.RGB) draw.RGB { return under.Shadow(0.35) })
	}
}

// trouserCloth is the trousers' colour on a line, under some light and with long soft creases.
func (p *Person) trouserCloth(y float64) func(x, light float64) draw.RGB {
	phase := float64(p.creases%97) / 15
	sway := math.Sin(y*9+phase) * 1.4
	long, crotch := draw.Smoothstep(crotchY-0.02, 0.8, y), draw.Bell((y-crotchY)/0.035)
	return func(x, light float64) draw.RGB {
		if long > 0 {
			light += 0.035 * math.Sin(x*70+phase+sway) * long
		}
		if crotch > 0 {
			light += 0.05 * math.Sin(y*60-math.Abs(x)*55+phase) * crotch
		}
		if light >= 1 {
			return p.trousers.Times(min(light, 1.12))
		}
		return p.trousers.Shadow(draw.Clamp((1-light)*1.5, 0, 1))
	}
}
