package person

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// drawNeck paints neck and the skin that a neckline may leave open.
func (p *Painter) drawNeck() {
	low := p.Axis(ShoulderY)
	right := draw.Curve(draw.XY(0.028, neckTop-0.045), draw.XY(0.0275, neckTop+0.012), draw.XY(0.034, ShoulderY-0.033), draw.XY(0.066, ShoulderY-0.013), draw.XY(0.098, ShoulderY+0.008), draw.XY(0.07, 0.40), draw.XY(0.03, 0.45))
	outline := draw.Moved(draw.Symmetric(right), func(at draw.Point) draw.Point {
		t := draw.Smoothstep(neckTop-0.04, ShoulderY, at.Y)
		return draw.XY(at.X*p.Build+p.Head.X*(1-t)+low*t, at.Y)
	})
	p.Fill(outline, draw.LabelNeck, draw.Anywhere, func(x, y float64, _ draw.RGB) draw.RGB {
		dx := x - p.Axis(y)
		light := 1.0 - 0.22*draw.Smoothstep(0.010, 0.034, math.Abs(dx))*draw.Smoothstep(ShoulderY, neckTop, y)
		chin := draw.Hypot((x-p.Head.X)/0.05, (y-p.Head.Y-0.055)/0.062)
		light -= 0.30 * draw.Smoothstep(1.25, 0.8, chin)
		bone := draw.Bell((y-ShoulderY-0.002-math.Abs(dx)*0.10)/0.0045) * draw.Smoothstep(0.008, 0.03, math.Abs(dx))
		return shadeSkin(p.skin, light-0.10*bone)
	})
}

// drawFace paints ears, face and features.
func (p *Painter) drawFace() {
	for _, side := range []float64{-1, 1} {
		p.Fill(p.place(draw.Ellipse(draw.XY(side*0.0515, 0.008), 0.009, 0.017, side*0.15)), draw.LabelFace, draw.Anywhere, func(_, _ float64, _ draw.RGB) draw.RGB {
			return shadeSkin(p.skin, 0.88)
		})
		if p.earrings {
			p.Fill(p.place(draw.Ellipse(draw.XY(side*0.053, 0.028), 0.0042, 0.0042, 0)), draw.LabelFace, draw.Anywhere, func(_, _ float64, _ draw.RGB) draw.RGB { return draw.Hex(0xe6c25a) })
		}
	}
	right := draw.Curve(draw.XY(0, -0.078), draw.XY(0.036, -0.068), draw.XY(0.0515, -0.025), draw.XY(0.0505, 0.022), draw.XY(0.040, 0.052), draw.XY(0.020, 0.074), draw.XY(0, 0.0795))
	flush := p.skin.Mix(draw.Hex(0xe0564f), 0.45)
	p.Fill(p.place(draw.Symmetric(right)), draw.LabelFace, draw.Anywhere, func(x, y float64, _ draw.RGB) draw.RGB {
		dx, dy := x-p.Head.X, y-p.Head.Y
		light := 1.05 - 0.22*draw.Smoothstep(0.2, 1.1, draw.Hypot((dx+0.012)/0.056, (dy+0.005)/0.088))
		colour := shadeSkin(p.skin, light)
		for _, side := range []float64{-1, 1} {
			cheek := draw.Hypot((dx-side*0.030)/0.017, (dy-0.027)/0.012)
			colour = colour.Mix(flush, p.blush*0.7*draw.Smoothstep(1, 0, cheek))
		}
		return colour
	})
	p.drawFeatures()
}

// drawFeatures paints eyes, brows, nose and mouth.
func (p *Painter) drawFeatures() {
	dark := p.hair.Mix(draw.Hex(0x1d1517), 0.6)
	flat := func(colour draw.RGB, alpha float64) draw.Brush {
		return func(_, _ float64, under draw.RGB) draw.RGB { return under.Mix(colour, alpha) }
	}
	stroke := func(half float64, colour draw.RGB, alpha float64, line ...draw.Point) {
		p.Fill(p.place(draw.Ribbon(draw.Curve(line...), half)), draw.KeepLabel, draw.Only(draw.LabelFace), flat(colour, alpha))
	}
	dot := func(x, y, rx, ry float64, colour draw.RGB) {
		p.Fill(p.place(draw.Ellipse(draw.XY(x, y), rx, ry, 0)), draw.KeepLabel, draw.Only(draw.LabelFace), flat(colour, 1))
	}
	for _, side := range []float64{-1, 1} {
		x := side * 0.0215
		dot(x, -0.003, 0.0098, 0.0056, draw.RGB{R: 0.985, G: 0.975, B: 0.97})
		dot(x, -0.003, 0.0052, 0.0058, p.iris)
		dot(x, -0.003, 0.0027, 0.0031, draw.Hex(0x120d0d))
		dot(x-0.0018, -0.0052, 0.0014, 0.0014, draw.RGB{R: 1, G: 1, B: 1})
		stroke(0.0021, dark, 0.95, draw.XY(x-0.0105, -0.0035+0.001*(1+side)), draw.XY(x, -0.0098), draw.XY(x+0.0105, -0.0035+0.001*(1-side)))
		stroke(0.0026, dark, 0.8, draw.XY(side*0.0095, -0.0205+0.001*p.brow), draw.XY(side*0.021, -0.0255), draw.XY(side*0.034, -0.0195-0.001*p.brow))
	}
	deep := shadeSkin(p.skin, 0.55)
	stroke(0.0016, deep, 0.5, draw.XY(0.0015, 0.002), draw.XY(0.0045, 0.015), draw.XY(0.006, 0.0215))
	stroke(0.0016, deep, 0.7, draw.XY(-0.0052, 0.0235), draw.XY(0.0006, 0.0262), draw.XY(0.0064, 0.0232))
	curl := 0.0052 * p.smile
	upper := append(draw.Curve(draw.XY(-0.0165, 0.0425-curl*0.4), draw.XY(-0.006, 0.0405), draw.XY(0, 0.0418), draw.XY(0.006, 0.0405), draw.XY(0.0165, 0.0425-curl*0.4)),
		draw.Curve(draw.XY(0.008, 0.0502+curl*0.3), draw.XY(0, 0.052+curl*0.4), draw.XY(-0.008, 0.0502+curl*0.3))...)
	p.Fill(p.place(upper), draw.KeepLabel, draw.Only(draw.LabelFace), flat(p.lips, 0.9))
	stroke(0.0012, p.lips.Shadow(0.8), 0.75, draw.XY(-0.0168, 0.0425-curl*0.45), draw.XY(0, 0.0448+curl*0.35), draw.XY(0.0168, 0.0425-curl*0.45))
}
