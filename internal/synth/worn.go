package synth

import "math"

// worn draws one garment on one body, and the arms that lie over it.
type worn struct {
	*canvas
	body     *body
	bones    *skeleton
	garment  *garment
	flat     bool
	cloth    profile // half width of the garment by y
	hemY     float64
	creasing float64
}

// Canonical measures that turn places on a body into garment coordinates.
const (
	chestHalf   = 0.118
	trunkLength = hipY - shoulderY
	sleeveHalf  = 0.040
	sleeveShift = 0.31 // keeps sleeve prints out of step with the front
)

// armRadius of a bare arm at shoulder, elbow and wrist.
var armRadius = [3]float64{0.0335, 0.0262, 0.0178}

func makeWorn(c *canvas, b *body, s *skeleton, g *garment) *worn {
	w := &worn{canvas: c, body: b, bones: s, garment: g, hemY: g.length, creasing: 1}
	w.cloth = drape(s, g)
	return w
}

// drape is the half width of the cloth: it follows the trunk or falls straight from the chest, as loose says.
func drape(s *skeleton, g *garment) profile {
	chest := s.trunk.at(0.375) + 0.003
	points := []point{{0.25, s.trunk.at(0.29) + 0.002}, {0.34, s.trunk.at(0.34) + 0.002}, {0.375, chest}}
	for _, y := range []float64{0.43, waistY, 0.53, 0.565, hipY, 0.64, 0.70} {
		snug := s.trunk.at(y) + 0.006
		hang := max(snug, chest+0.004+(y-0.4)*0.03)
		points = append(points, point{y, snug + (hang-snug)*g.loose})
	}
	return makeProfile(points...)
}

// drawTrunk paints the front of the garment without sleeves.
func (w *worn) drawTrunk() {
	w.fillLines(w.outline(), labelUpper, anywhere, w.paintTrunk)
	w.drawTrim()
	if w.garment.neck == neckHigh {
		w.drawHighNeck()
	}
	if w.garment.placket {
		w.drawPlacket()
	}
	if w.garment.neck == neckPolo {
		w.drawCollar()
	}
	if !w.flat {
		w.castHem()
	}
}

// outline is the garment's front: neckline, shoulders, armholes, side seams, hem.
func (w *worn) outline() []point {
	g := w.garment
	right := reversed(g.neckCurve())
	shoulder := w.bones.trunk.at(shoulderY) * 1.12
	if g.sleeve == sleeveNone {
		shoulder *= 0.78
	}
	for i := range 6 {
		x := right[len(right)-1].x
		x += (shoulder - x) * float64(i+1) / 6
		right = append(right, point{x, w.bones.shoulderLine(x)})
	}
	if g.sleeve == sleeveNone {
		right = append(right, curve(point{shoulder, w.bones.shoulderLine(shoulder)}, point{shoulder * 0.965, 0.325}, point{shoulder * 1.02, 0.352}, point{w.cloth.at(0.375), 0.375})...)
	}
	for y := 0.375; y < w.hemY; y += 0.01 {
		right = append(right, point{w.cloth.at(y), y})
	}
	right = append(right, w.hemLine()...)
	return moved(symmetric(right), w.leaned)
}

// hemLine is the right half of the lower edge, from the seam to the centre.
func (w *worn) hemLine() []point {
	half := w.cloth.at(w.hemY)
	out := make([]point, 0, 12)
	for i := range 12 {
		x := half * (1 - float64(i)/11)
		out = append(out, point{x, w.hemAt(x / half)})
	}
	return out
}

// hemAt is the hem's y at a share of the half width.
func (w *worn) hemAt(u float64) float64 {
	if w.garment.hem == hemCurved {
		return w.hemY + 0.016*(1-u*u) - 0.006
	}
	return w.hemY + 0.005*(1-u*u)
}

func (w *worn) leaned(p point) point { return point{p.x + w.bones.axis(p.y), p.y} }

// paintTrunk is the brush of the front: texture under a cylinder's projection, light and folds.
func (w *worn) paintTrunk(y float64) dab {
	axis, half, folds := w.bones.axis(y), w.cloth.at(y), w.folds(y)
	return func(x float64, _ rgb) rgb {
		u := clamp((x-axis)/half, -1, 1)
		arc := u
		light := 1.02 - 0.07*u*u*u*u
		if !w.flat {
			// A trunk is flatter than a cylinder: the visible arc is about 60 degrees to either side.
			arc = math.Asin(u*0.866) / (math.Pi / 3)
			light = roundness(u) + 0.02
		}
		colour := w.garment.texture.at(arc*chestHalf, y-shoulderY, true)
		if w.garment.hem == hemBanded && y > w.hemAt(u)-0.022 {
			colour = w.garment.trim.times(1 + 0.05*math.Sin(arc*260))
		}
		return lit(colour, light+folds(u))
	}
}

// lit applies light to cloth.
func lit(c rgb, light float64) rgb {
	if light >= 1 {
		return c.times(min(light, 1.15))
	}
	return c.shadow(clamp((1-light)*1.3, 0, 1))
}

// folds is what creases add to the light on a line: from the armpits, round the waist, and down to the hem.
func (w *worn) folds(y float64) func(u float64) float64 {
	phase := float64(w.garment.wrinkles%1000) / 160
	chest, pit, belt := bell((y-0.385)/0.042), bell((y-0.395)/0.045), bell((y-waistY-0.01)/0.05)
	fall, sway := smoothstep(0.47, w.hemY, y), math.Sin(y*22+phase)*1.1
	return func(u float64) float64 {
		side := abs(u)
		sum := 0.0
		if chest > 0 {
			sum += bell((side-0.42)/0.30) * chest * 0.035
		}
		if pit > 0 {
			sum += math.Sin((y-0.375)*95-side*5.2+phase) * pit * side * 0.075
		}
		if belt > 0 {
			sum += math.Sin((y-waistY)*120+u*3.4+phase*2) * belt * (0.25 + side*side) * 0.055
		}
		if fall > 0 {
			sum += math.Sin(u*9.5+sway+phase) * fall * 0.075
		}
		return sum * w.creasing
	}
}

// castHem lays the garment's shadow on the trousers.
func (w *worn) castHem() {
	half := w.cloth.at(w.hemY)
	band := []point{{-half, w.hemY - 0.02}, {half, w.hemY - 0.02}, {half, w.hemY + 0.045}, {-half, w.hemY + 0.045}}
	w.fill(band, keepLabel, only(labelPants), func(x, y float64, under rgb) rgb {
		return under.shadow(0.55 * smoothstep(0.032, 0, y-w.hemAt(x/half)))
	})
}

func reversed(points []point) []point {
	out := make([]point, len(points))
	for i, p := range points {
		out[len(points)-1-i] = p
	}
	return out
}
