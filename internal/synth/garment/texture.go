package garment

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/dice"
	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// Texture is a garment's print in garment coordinates: x across the front, y down from the shoulders, both in body units,
// so that a stripe is as wide on a sleeve as on the chest.
type Texture struct {
	kind             pattern
	Base, Mark, dark draw.RGB // ground, print, and the ground in shade
	pitch, weight    float64  // distance between repeats; share of it that is marked
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

func makeTexture(d dice.Stream, base, companion draw.RGB) Texture {
	t := Texture{
		kind: pattern(d.IntN(int(patterns))), Base: base, Mark: companion, dark: base.Shadow(0.5),
		pitch: d.Between(0.024, 0.044), weight: d.Between(0.32, 0.55), phase: d.Float64(),
	}
	if t.kind == patternPlain || t.kind == patternMarl || d.Chance(0.12) {
		if t.kind == patternPlain && d.Chance(0.25) {
			return t
		}
		t.logo = logo{shape: logoShape(1 + d.IntN(int(logoShapes)-1)), at: draw.XY(d.Between(-0.06, 0.06), d.Between(0.088, 0.15)), size: d.Between(0.018, 0.042)}
		if math.Abs(t.logo.at.X) < 0.02 {
			t.logo.at.X = math.Copysign(0.045, t.logo.at.X)
		}
	}
	return t
}

// At returns the print's colour. front is false on sleeves, which carry no logo.
func (t *Texture) At(x, y float64, front bool) draw.RGB {
	if front && t.logo.shape != logoNone && t.logo.covers(x, y) {
		return t.Mark
	}
	return grounds[t.kind](t, x, y)
}

// wave is true in the marked share of every repeat.
func (t *Texture) wave(v float64) bool { return fraction(v/t.pitch+t.phase) < t.weight }

func fraction(v float64) float64 { return v - math.Floor(v) }

// grounds draw the prints without logo.
var grounds = [patterns]func(t *Texture, x, y float64) draw.RGB{
	patternPlain:      func(t *Texture, _, _ float64) draw.RGB { return t.Base },
	patternStripes:    func(t *Texture, _, y float64) draw.RGB { return t.either(t.wave(y)) },
	patternPinstripes: func(t *Texture, x, _ float64) draw.RGB { return t.either(fraction(x/(t.pitch*0.62)+t.phase) < 0.2) },
	patternDiagonal:   func(t *Texture, x, y float64) draw.RGB { return t.either(t.wave((x + y) * 0.75)) },
	patternCheck:      (*Texture).plaid,
	patternGingham:    (*Texture).gingham,
	patternDots:       func(t *Texture, x, y float64) draw.RGB { return t.either(t.dot(x, y, 0.29)) },
	patternFlowers:    (*Texture).flower,
	patternBlock:      func(t *Texture, _, y float64) draw.RGB { return t.either(y > 0.13+0.06*t.phase) },
	patternMarl: func(t *Texture, x, y float64) draw.RGB {
		return t.Base.Times(1 + 0.07*math.Sin(y*900+math.Sin(x*180)*2))
	},
}

// gingham has stripes both ways that add up where they cross.
func (t *Texture) gingham(x, y float64) draw.RGB {
	across, down := t.wave(x), t.wave(y)
	if across && down {
		return t.Mark
	}
	if across || down {
		return t.Base.Mix(t.Mark, 0.5)
	}
	return t.Base
}

func (t *Texture) either(marked bool) draw.RGB {
	if marked {
		return t.Mark
	}
	return t.Base
}

// plaid is a base with crossing dark bands and a thin line of the companion.
func (t *Texture) plaid(x, y float64) draw.RGB {
	c := t.Base
	p := t.pitch * 1.5
	for _, v := range []float64{x, y} {
		f := fraction(v/p + t.phase)
		if f < 0.36 {
			c = c.Mix(t.dark, 0.42)
		}
		if f > 0.64 && f < 0.74 {
			c = c.Mix(t.Mark, 0.8)
		}
	}
	return c
}

// dot is true inside dots on a staggered grid.
func (t *Texture) dot(x, y, radius float64) bool {
	row := math.Floor(y / t.pitch)
	dx := fraction(x/t.pitch+0.5*math.Mod(math.Abs(row), 2)+t.phase) - 0.5
	dy := fraction(y/t.pitch) - 0.5
	return dx*dx+dy*dy < radius*radius
}

// flower scatters five-petalled flowers with a heart on a staggered grid.
func (t *Texture) flower(x, y float64) draw.RGB {
	p := t.pitch * 1.25
	row := math.Floor(y / p)
	cell := x/p + 0.5*math.Mod(math.Abs(row), 2) + t.phase
	dx, dy := fraction(cell)-0.5, fraction(y/p)-0.5
	turn := math.Floor(cell)*1.7 + row*2.3
	r := draw.Hypot(dx, dy)
	if r < 0.10 {
		return t.Base.Mix(draw.Hex(0xf2c14e), 0.85)
	}
	// Petals are between 0.11 and 0.37 long; the angle matters only there.
	if r < 0.10999 || r < 0.37001 && r < 0.24+0.13*math.Cos(5*math.Atan2(dy, dx)+turn) {
		return t.Mark
	}
	return t.Base
}
