package synth

// sleeve is a sleeve's length class.
type sleeve int

const (
	sleeveNone sleeve = iota
	sleeveShort
	sleeveElbow
	sleeveLong
)

// neckline is the shape of a garment's neck opening.
type neckline int

const (
	neckCrew neckline = iota
	neckScoop
	neckVee
	neckBoat
	neckHigh
	neckPolo
	necklines
)

// hemline is the shape of a garment's lower edge.
type hemline int

const (
	hemStraight hemline = iota
	hemCurved
	hemBanded
	hemlines
)

// garment is a top: its cut, and a texture that knows nothing of any body.
type garment struct {
	sleeve    sleeve
	sleeveEnd float64 // along the arm: 1 is the elbow, 2 the wrist
	sleeveFit float64 // what a sleeve adds to the arm's radius
	neck      neckline
	hem       hemline
	length    float64 // y of the hem on the canonical body
	loose     float64 // 0 follows the waist, 1 falls straight
	placket   bool
	raglan    bool // sleeves in the companion colour
	trim      rgb
	texture   texture
	wrinkles  uint64
}

// makeGarment draws the lots for one garment.
func makeGarment(seed uint64, split string, index int) *garment {
	d := roll(seed, split, index, "garment")
	g := &garment{
		neck: neckline(d.IntN(int(necklines))), hem: hemline(d.IntN(int(hemlines))),
		length: d.between(0.588, 0.655), loose: d.between(0.15, 0.95),
		sleeveFit: d.between(0.006, 0.012), wrinkles: d.Uint64(),
	}
	switch p := d.Float64(); {
	case p < 0.2:
		g.sleeve = sleeveNone
	case p < 0.55:
		g.sleeve, g.sleeveEnd = sleeveShort, d.between(0.5, 0.72)
	case p < 0.65:
		g.sleeve, g.sleeveEnd = sleeveElbow, d.between(0.9, 1.15)
	default:
		g.sleeve, g.sleeveEnd = sleeveLong, d.between(1.82, 1.96)
	}
	if g.sleeve == sleeveNone && (g.neck == neckPolo || g.neck == neckHigh) {
		g.neck = pick(d, []neckline{neckCrew, neckScoop, neckVee})
	}
	fabric := pick(d, fabrics)
	companion := pick(d, fabric.companion).under(lightestCloth)
	g.texture = makeTexture(d, fabric.base, companion)
	g.trim = fabric.base.shadow(0.16)
	if d.chance(0.35) {
		g.trim = companion
	}
	g.raglan = g.sleeve >= sleeveShort && d.chance(0.14)
	g.placket = g.neck == neckPolo || (g.neck == neckVee && d.chance(0.4))
	return g
}

// neckShape is the opening: half width at the shoulder line, its y there, and the y of the deepest point.
func (g *garment) neckShape() (half, side, depth float64) {
	half, depth = 0.046, 0.298
	switch g.neck {
	case neckScoop:
		half, depth = 0.056, 0.338
	case neckVee:
		half, depth = 0.049, 0.350
	case neckBoat:
		half, depth = 0.076, 0.290
	case neckHigh:
		half, depth = 0.036, 0.262
	}
	return half, 0.2615 + (half-0.046)*0.25, depth
}

// neckCurve is the right half of the neckline from the shoulder to the centre.
func (g *garment) neckCurve() []point {
	half, side, depth := g.neckShape()
	if g.neck == neckVee {
		return []point{{half, side}, {half * 0.52, side + (depth-side)*0.52}, {0, depth}}
	}
	fall := depth - side
	return curve(point{half, side}, point{half * 0.94, side + fall*0.38}, point{half * 0.68, side + fall*0.76}, point{half * 0.32, side + fall*0.965}, point{0, depth})
}
