package synth

import "math"

// texture is a garment's print in garment coordinates: x across the front, y down from the shoulders, both in body units,
// so that a stripe is as wide on a sleeve as on the chest.
type texture struct {
	kind             pattern
	base, mark, dark rgb
	pitch, weight    float64 // distance between repeats; share of it that is marked
	phase            float64
	logo             logo
}

type pattern int

const (
	patternPlain pattern = iota
	patternStripes
	patternPinstripes
	patternCheck
	patternGingham
	patternDots
	patternDiagonal
	patternFlowers
	patternBlock
	patternMarl
	patterns
)

// logo is a print on the chest, off the centre more often than not.
type logo struct {
	shape logoShape
	at    point
	size  float64
}

type logoShape int

const (
	logoNone logoShape = iota
	logoDisc
	logoStar
	logoHeart
	logoPeak
	logoBars
	logoShapes
)

func makeTexture(d dice, base, companion rgb) texture {
	t := texture{
		kind: pattern(d.IntN(int(patterns))), base: base, mark: companion, dark: base.shadow(0.5),
		pitch: d.between(0.024, 0.044), weight: d.between(0.32, 0.55), phase: d.Float64(),
	}
	if t.kind == patternPlain || t.kind == patternMarl || d.chance(0.12) {
		if t.kind == patternPlain && d.chance(0.25) {
			return t
		}
		t.logo = logo{shape: logoShape(1 + d.IntN(int(logoShapes)-1)), at: point{d.between(-0.06, 0.06), d.between(0.088, 0.15)}, size: d.between(0.018, 0.042)}
		if abs(t.logo.at.x) < 0.02 {
			t.logo.at.x = math.Copysign(0.045, t.logo.at.x)
		}
	}
	return t
}

// at returns the print's colour. front is false on sleeves, which carry no logo.
func (t *texture) at(x, y float64, front bool) rgb {
	if front && t.logo.shape != logoNone && t.logo.covers(x, y) {
		return t.mark
	}
	return grounds[t.kind](t, x, y)
}

// wave is true in the marked share of every repeat.
func (t *texture) wave(v float64) bool { return fraction(v/t.pitch+t.phase) < t.weight }

func fraction(v float64) float64 { return v - math.Floor(v) }

// grounds draw the prints without logo.
var grounds = [patterns]func(t *texture, x, y float64) rgb{
	patternPlain:      func(t *texture, _, _ float64) rgb { return t.base },
	patternStripes:    func(t *texture, _, y float64) rgb { return t.either(t.wave(y)) },
	patternPinstripes: func(t *texture, x, _ float64) rgb { return t.either(fraction(x/(t.pitch*0.62)+t.phase) < 0.2) },
	patternDiagonal:   func(t *texture, x, y float64) rgb { return t.either(t.wave((x + y) * 0.75)) },
	patternCheck:      (*texture).plaid,
	patternGingham:    (*texture).gingham,
	patternDots:       func(t *texture, x, y float64) rgb { return t.either(t.dot(x, y, 0.29)) },
	patternFlowers:    (*texture).flower,
	patternBlock:      func(t *texture, _, y float64) rgb { return t.either(y > 0.13+0.06*t.phase) },
	patternMarl:       func(t *texture, x, y float64) rgb { return t.base.times(1 + 0.07*math.Sin(y*900+math.Sin(x*180)*2)) },
}

// gingham has stripes both ways that add up where they cross.
func (t *texture) gingham(x, y float64) rgb {
	across, down := t.wave(x), t.wave(y)
	if across && down {
		return t.mark
	}
	if across || down {
		return t.base.mix(t.mark, 0.5)
	}
	return t.base
}

func (t *texture) either(marked bool) rgb {
	if marked {
		return t.mark
	}
	return t.base
}

// plaid is a base with crossing dark bands and a thin line of the companion.
func (t *texture) plaid(x, y float64) rgb {
	c := t.base
	p := t.pitch * 1.5
	for _, v := range []float64{x, y} {
		f := fraction(v/p + t.phase)
		if f < 0.36 {
			c = c.mix(t.dark, 0.42)
		}
		if f > 0.64 && f < 0.74 {
			c = c.mix(t.mark, 0.8)
		}
	}
	return c
}

// dot is true inside dots on a staggered grid.
func (t *texture) dot(x, y, radius float64) bool {
	row := math.Floor(y / t.pitch)
	dx := fraction(x/t.pitch+0.5*math.Mod(abs(row), 2)+t.phase) - 0.5
	dy := fraction(y/t.pitch) - 0.5
	return dx*dx+dy*dy < radius*radius
}

// flower scatters five-petalled flowers with a heart on a staggered grid.
func (t *texture) flower(x, y float64) rgb {
	p := t.pitch * 1.25
	row := math.Floor(y / p)
	cell := x/p + 0.5*math.Mod(abs(row), 2) + t.phase
	dx, dy := fraction(cell)-0.5, fraction(y/p)-0.5
	turn := math.Floor(cell)*1.7 + row*2.3
	r := hypot(dx, dy)
	if r < 0.10 {
		return t.base.mix(hex(0xf2c14e), 0.85)
	}
	// Petals are between 0.11 and 0.37 long; the angle matters only there.
	if r < 0.10999 || r < 0.37001 && r < 0.24+0.13*math.Cos(5*math.Atan2(dy, dx)+turn) {
		return t.mark
	}
	return t.base
}

// covers is true inside the logo.
func (l *logo) covers(x, y float64) bool {
	dx, dy := (x-l.at.x)/l.size, (y-l.at.y)/l.size
	if dx < -1.1 || dx > 1.1 || dy < -1.1 || dy > 1.1 {
		return false
	}
	return logoShapeOf[l.shape](dx, dy)
}

// logoShapeOf tells, per shape, whether a place in the square from -1 to 1 is inside.
var logoShapeOf = [logoShapes]func(dx, dy float64) bool{
	logoNone: func(_, _ float64) bool { return false },
	logoDisc: func(dx, dy float64) bool {
		r := hypot(dx, dy)
		return r < 0.62 || (r > 0.78 && r < 0.95)
	},
	logoStar: func(dx, dy float64) bool {
		a := abs(math.Mod(math.Atan2(dx, -dy)+4*math.Pi, 2*math.Pi/5) - math.Pi/5)
		return hypot(dx, dy)*math.Cos(a) < 0.30+0.468*a/(math.Pi/5)
	},
	logoHeart: func(dx, dy float64) bool {
		v := -dy + 0.1
		q := dx*dx*1.15 + v*v - 0.55
		return q*q*q-dx*dx*1.15*v*v*v < 0
	},
	logoPeak: func(dx, dy float64) bool {
		return dy < 0.6 && (dy > abs(dx+0.25)*1.5-0.6 || dy > abs(dx-0.4)*1.5-0.15)
	},
	logoBars: func(dx, dy float64) bool {
		return fraction(dy*1.6+0.05) < 0.5 && abs(dx) < 1-0.25*math.Mod(abs(math.Floor(dy*1.6)), 2)
	},
}
