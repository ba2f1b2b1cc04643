package drape

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
	"github.com/braincreators/tryon-operator/internal/synth/garment"
	"github.com/braincreators/tryon-operator/internal/synth/person"
)

// drawFront paints the front of the garment without sleeves.
func (w *cloth) drawFront() {
	w.FillLines(w.outline(), draw.LabelUpper, draw.Anywhere, w.paintFront)
	w.drawTrim()
	if w.garment.Neck == garment.NeckHigh {
		w.drawHighNeck()
	}
	if w.garment.Placket {
		w.drawPlacket()
	}
	if w.garment.Neck == garment.NeckPolo {
		w.drawCollar()
	}
	if !w.flat {
		w.castHem()
	}
}

// outline is the garment's front: neckline, shoulders, armholes, side seams, hem.
func (w *cloth) outline() []draw.Point {
	g := w.garment
	right := draw.Reversed(g.NeckCurve())
	shoulder := w.bones.Trunk.At(person.ShoulderY) * 1.12
	if g.Sleeve == garment.SleeveNone {
		shoulder *= 0.78
	}
	for i := range 6 {
		x := right[len(right)-1].X
		x += (shoulder - x) * float64(i+1) / 6
		right = append(right, draw.XY(x, w.bones.ShoulderLine(x)))
	}
	if g.Sleeve == garment.SleeveNone {
		right = append(right, draw.Curve(draw.XY(shoulder, w.bones.ShoulderLine(shoulder)), draw.XY(shoulder*0.965, 0.325), draw.XY(shoulder*1.02, 0.352), draw.XY(w.half.At(0.375), 0.375))...)
	}
	for y := 0.375; y < w.garment.Length; y += 0.01 {
		right = append(right, draw.XY(w.half.At(y), y))
	}
	right = append(right, w.hemLine()...)
	return draw.Moved(draw.Symmetric(right), w.leaned)
}

// hemLine is the right half of the lower edge, from the seam to the centre.
func (w *cloth) hemLine() []draw.Point {
	half := w.half.At(w.garment.Length)
	out := make([]draw.Point, 0, 12)
	for i := range 12 {
		x := half * (1 - float64(i)/11)
		out = append(out, draw.XY(x, w.hemAt(x/half)))
	}
	return out
}

// hemAt is the hem's y at a share of the half width.
func (w *cloth) hemAt(u float64) float64 {
	if w.garment.Hem == garment.HemCurved {
		return w.garment.Length + 0.016*(1-u*u) - 0.006
	}
	return w.garment.Length + 0.005*(1-u*u)
}

// paintFront is the brush of the front: texture under a cylinder's projection, light and folds.
func (w *cloth) paintFront(y float64) draw.Dab {
	axis, half, folds := w.bones.Axis(y), w.half.At(y), w.folds(y)
	return func(x float64, _ draw.RGB) draw.RGB {
		u := draw.Clamp((x-axis)/half, -1, 1)
		arc := u
		light := 1.02 - 0.07*u*u*u*u
		if !w.flat {
			// A trunk is flatter than a cylinder: the visible arc is about 60 degrees to either side.
			arc = math.Asin(u*0.866) / (math.Pi / 3)
			light = draw.Roundness(u) + 0.02
		}
		colour := w.garment.Texture.At(arc*chestHalf, y-person.ShoulderY, true)
		if w.garment.Hem == garment.HemBanded && y > w.hemAt(u)-0.022 {
			colour = w.garment.Trim.Times(1 + 0.05*math.Sin(arc*260))
		}
		return lit(colour, light+folds(u))
	}
}

// folds is what creases add to the light on a line: from the armpits, round the waist, and down to the hem.
func (w *cloth) folds(y float64) func(u float64) float64 {
	phase := float64(w.garment.Wrinkles%1000) / 160
	chest, pit, belt := draw.Bell((y-0.385)/0.042), draw.Bell((y-0.395)/0.045), draw.Bell((y-person.WaistY-0.01)/0.05)
	fall, sway := draw.Smoothstep(0.47, w.garment.Length, y), math.Sin(y*22+phase)*1.1
	return func(u float64) float64 {
		side := math.Abs(u)
		sum := 0.0
		if chest > 0 {
			sum += draw.Bell((side-0.42)/0.30) * chest * 0.035
		}
		if pit > 0 {
			sum += math.Sin((y-0.375)*95-side*5.2+phase) * pit * side * 0.075
		}
		if belt > 0 {
			sum += math.Sin((y-person.WaistY)*120+u*3.4+phase*2) * belt * (0.25 + side*side) * 0.055
		}
		if fall > 0 {
			sum += math.Sin(u*9.5+sway+phase) * fall * 0.075
		}
		return sum * w.creasing
	}
}

// castHem lays the garment's shadow on the trousers.
func (w *cloth) castHem() {
	half := w.half.At(w.garment.Length)
	band := []draw.Point{draw.XY(-half, w.garment.Length-0.02), draw.XY(half, w.garment.Length-0.02), draw.XY(half, w.garment.Length+0.045), draw.XY(-half, w.garment.Length+0.045)}
	w.Fill(band, draw.KeepLabel, draw.Only(draw.LabelPants), func(x, y float64, under draw.RGB) draw.RGB {
		return under.Shadow(0.55 * draw.Smoothstep(0.032, 0, y-w.hemAt(x/half)))
	})
}
