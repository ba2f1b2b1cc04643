package garment

import (
	"github.com/braincreators/tryon-operator/internal/synth/dice"
	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// Sleeve is a sleeve's length class.
type Sleeve int

// Sleeves, the shorter before the longer.
const (
	SleeveNone Sleeve = iota
	SleeveShort
	SleeveElbow
	SleeveLong
)

// Neckline is the shape of a garment's neck opening.
type Neckline int

// Necklines.
const (
	NeckCrew Neckline = iota
	NeckScoop
	NeckVee
	NeckBoat
	NeckHigh
	NeckPolo
	necklines
)

// Hemline is the shape of a garment's lower edge.
type Hemline int

// Hemlines.
const (
	HemStraight Hemline = iota
	HemCurved
	HemBanded
	hemlines
)

// Garment is a top: its cut, and a texture that knows nothing of any body. Lengths are in body units.
type Garment struct {
	Sleeve    Sleeve
	SleeveEnd float64 // along the arm: 1 is the elbow, 2 the wrist
	SleeveFit float64 // what a sleeve adds to the arm's radius
	Neck      Neckline
	Hem       Hemline
	Length    float64 // y of the hem on the canonical body
	Loose     float64 // 0 follows the waist, 1 falls straight
	Placket   bool
	Raglan    bool     // sleeves in the companion colour
	Trim      draw.RGB // bands round the edges
	Texture   Texture
	Wrinkles  uint64 // decides where folds lie
}

// Make draws the lots for one garment.
func Make(seed uint64, split string, index int) *Garment {
	d := dice.Roll(seed, split, index, "garment")
	g := &Garment{
		Neck: Neckline(d.IntN(int(necklines))), Hem: Hemline(d.IntN(int(hemlines))),
		Length: d.Between(0.588, 0.655), Loose: d.Between(0.15, 0.95),
		SleeveFit: d.Between(0.006, 0.012), Wrinkles: d.Uint64(),
	}
	switch p := d.Float64(); {
	case p < 0.2:
		g.Sleeve = SleeveNone
	case p < 0.55:
		g.Sleeve, g.SleeveEnd = SleeveShort, d.Between(0.5, 0.72)
	case p < 0.65:
		g.Sleeve, g.SleeveEnd = SleeveElbow, d.Between(0.9, 1.15)
	default:
		g.Sleeve, g.SleeveEnd = SleeveLong, d.Between(1.82, 1.96)
	}
	if g.Sleeve == SleeveNone && (g.Neck == NeckPolo || g.Neck == NeckHigh) {
		g.Neck = dice.Pick(d, []Neckline{NeckCrew, NeckScoop, NeckVee})
	}
	fabric := dice.Pick(d, fabrics)
	companion := dice.Pick(d, fabric.companion).AtMost(lightestCloth)
	g.Texture = makeTexture(d, fabric.base, companion)
	g.Trim = fabric.base.Shadow(0.16)
	if d.Chance(0.35) {
		g.Trim = companion
	}
	g.Raglan = g.Sleeve >= SleeveShort && d.Chance(0.14)
	g.Placket = g.Neck == NeckPolo || (g.Neck == NeckVee && d.Chance(0.4))
	return g
}

// NeckShape is the opening: half width at the shoulder line, its y there, and the y of the deepest point.
func (g *Garment) NeckShape() (half, side, depth float64) {
	half, depth = 0.046, 0.298
	switch g.Neck {
	case NeckScoop:
		half, depth = 0.056, 0.338
	case NeckVee:
		half, depth = 0.049, 0.350
	case NeckBoat:
		half, depth = 0.076, 0.290
	case NeckHigh:
		half, depth = 0.036, 0.262
	}
	return half, 0.2615 + (half-0.046)*0.25, depth
}

// NeckCurve is the right half of the neckline from the shoulder to the centre.
func (g *Garment) NeckCurve() []draw.Point {
	half, side, depth := g.NeckShape()
	if g.Neck == NeckVee {
		return []draw.Point{draw.XY(half, side), draw.XY(half*0.52, side+(depth-side)*0.52), draw.XY(0, depth)}
	}
	fall := depth - side
	return draw.Curve(draw.XY(half, side), draw.XY(half*0.94, side+fall*0.38), draw.XY(half*0.68, side+fall*0.76), draw.XY(half*0.32, side+fall*0.965), draw.XY(0, depth))
}
