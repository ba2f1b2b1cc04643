package drape

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
	"github.com/braincreators/tryon-operator/internal/synth/garment"
)

// drawTrim paints the band round the neckline and, without sleeves, round the armholes.
func (w *cloth) drawTrim() {
	if w.garment.Neck == garment.NeckPolo || w.garment.Neck == garment.NeckHigh {
		return
	}
	for _, side := range []float64{-1, 1} {
		line := w.garment.NeckCurve()
		band := make([]draw.Point, 0, 2*len(line))
		band = append(band, line...)
		for i := len(line) - 1; i >= 0; i-- {
			p := line[i]
			band = append(band, draw.XY(max(0, p.X+0.0095*p.X/0.05), p.Y+0.0115))
		}
		band = draw.Moved(band, func(p draw.Point) draw.Point { return w.leaned(draw.XY(p.X*side, p.Y)) })
		w.Fill(band, draw.LabelUpper, draw.Only(draw.LabelUpper), func(x, y float64, _ draw.RGB) draw.RGB {
			u := (x - w.bones.Axis(y)) / w.half.At(y)
			return lit(w.garment.Trim.Times(1+0.04*math.Sin(x*1500)), draw.Roundness(u)-0.03)
		})
	}
}

// drawBackNeck paints the strip of the back that a flat garment shows through its neck opening.
func (w *cloth) drawBackNeck() {
	half, side, _ := w.garment.NeckShape()
	top := draw.Curve(draw.XY(-half-0.002, side), draw.XY(-half*0.5, side+0.009), draw.XY(0, side+0.012), draw.XY(half*0.5, side+0.009), draw.XY(half+0.002, side))
	bottom := draw.Curve(draw.XY(half*0.97, side+0.013), draw.XY(half*0.5, side+0.0225), draw.XY(0, side+0.0255), draw.XY(-half*0.5, side+0.0225), draw.XY(-half*0.97, side+0.013))
	w.Fill(append(top, bottom...), draw.LabelUpper, draw.Anywhere, func(_, y float64, _ draw.RGB) draw.RGB {
		return w.garment.Trim.Shadow(0.30 + 8*max(0, y-side-0.012))
	})
}

// drawHighNeck paints a roll neck.
func (w *cloth) drawHighNeck() {
	right := draw.Curve(draw.XY(0, 0.236), draw.XY(0.020, 0.2345), draw.XY(0.0335, 0.229), draw.XY(0.037, 0.244), draw.XY(0.038, 0.256), draw.XY(0.026, 0.270), draw.XY(0, 0.276))
	outline := draw.Moved(draw.Symmetric(right), func(p draw.Point) draw.Point {
		t := draw.Smoothstep(0.27, 0.22, p.Y)
		return draw.XY(p.X*w.build+w.bones.Axis(p.Y)*(1-t)+w.bones.Head.X*t, p.Y)
	})
	w.Fill(outline, draw.LabelUpper, draw.Anywhere, func(x, y float64, _ draw.RGB) draw.RGB {
		u := draw.Clamp((x-w.bones.Axis(y))/0.038, -1, 1)
		rib := 0.05 * math.Sin(x*1100)
		edge := -0.16 * draw.Smoothstep(0.266, 0.276, y)
		return lit(w.garment.Texture.Base, draw.Roundness(u)+rib+edge-0.02)
	})
}

// drawPlacket paints the button strip below a neckline.
func (w *cloth) drawPlacket() {
	_, _, top := w.garment.NeckShape()
	end, buttons := w.garment.Length-0.004, 5
	if w.garment.Neck == garment.NeckPolo {
		end, buttons = top+0.085, 2
	}
	strip := draw.Moved([]draw.Point{draw.XY(-0.0105, top-0.004), draw.XY(0.0105, top-0.004), draw.XY(0.0105, end), draw.XY(-0.0105, end)}, w.leaned)
	w.Fill(strip, draw.LabelUpper, draw.Only(draw.LabelUpper), func(x, y float64, under draw.RGB) draw.RGB {
		edge := draw.Smoothstep(0.0075, 0.0105, math.Abs(x-w.bones.Axis(y)))
		return under.Mix(w.garment.Texture.Base, 0.75).Shadow(0.05 + 0.35*edge)
	})
	for i := range buttons {
		y := top + 0.022 + (end-top-0.03)*float64(i)/float64(buttons)
		at := w.leaned(draw.XY(0, y))
		w.Fill(draw.Ellipse(at, 0.0046, 0.0046, 0), draw.LabelUpper, draw.Only(draw.LabelUpper), func(bx, by float64, _ draw.RGB) draw.RGB {
			return w.garment.Trim.Mix(draw.RGB{R: 1, G: 1, B: 1}, 0.45).Shadow(0.5 * draw.Smoothstep(0.002, 0.005, draw.Hypot(bx-at.X, by-at.Y)))
		})
	}
}

// drawCollar paints two folded collar leaves.
func (w *cloth) drawCollar() {
	for _, side := range []float64{-1, 1} {
		leaf := append(draw.Curve(draw.XY(side*0.036, 0.246), draw.XY(side*0.050, 0.254), draw.XY(side*0.062, 0.276), draw.XY(side*0.050, 0.322)),
			draw.Curve(draw.XY(side*0.030, 0.314), draw.XY(side*0.004, 0.302), draw.XY(side*0.026, 0.276), draw.XY(side*0.032, 0.258))...)
		leaf = draw.Moved(leaf, w.leaned)
		under := draw.Moved(append([]draw.Point(nil), leaf...), func(p draw.Point) draw.Point { return draw.XY(p.X, p.Y+0.006) })
		w.Fill(under, draw.KeepLabel, draw.Only(draw.LabelUpper), func(_, _ float64, below draw.RGB) draw.RGB { return below.Shadow(0.4) })
		w.Fill(leaf, draw.LabelUpper, draw.Anywhere, func(x, y float64, _ draw.RGB) draw.RGB {
			return lit(w.garment.Trim, 1.04-math.Abs(x-w.bones.Axis(y))*1.6)
		})
	}
}
