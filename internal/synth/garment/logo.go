package garment

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// logo is a print on the chest, off the centre more often than not.
type logo struct {
	shape logoShape
	at    draw.Point
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

// covers is true inside the logo.
func (l *logo) covers(x, y float64) bool {
	dx, dy := (x-l.at.X)/l.size, (y-l.at.Y)/l.size
	if dx < -1.1 || dx > 1.1 || dy < -1.1 || dy > 1.1 {
		return false
	}
	return logoShapeOf[l.shape](dx, dy)
}

// logoShapeOf tells, per shape, whether a place in the square from -1 to 1 is inside.
var logoShapeOf = [logoShapes]func(dx, dy float64) bool{
	logoNone: func(_, _ float64) bool { return false },
	logoDisc: func(dx, dy float64) bool {
		r := draw.Hypot(dx, dy)
		return r < 0.62 || (r > 0.78 && r < 0.95)
	},
	logoStar: func(dx, dy float64) bool {
		a := math.Abs(math.Mod(math.Atan2(dx, -dy)+4*math.Pi, 2*math.Pi/5) - math.Pi/5)
		return draw.Hypot(dx, dy)*math.Cos(a) < 0.30+0.468*a/(math.Pi/5)
	},
	logoHeart: func(dx, dy float64) bool {
		v := -dy + 0.1
		q := dx*dx*1.15 + v*v - 0.55
		return q*q*q-dx*dx*1.15*v*v*v < 0
	},
	logoPeak: func(dx, dy float64) bool {
		return dy < 0.6 && (dy > math.Abs(dx+0.25)*1.5-0.6 || dy > math.Abs(dx-0.4)*1.5-0.15)
	},
	logoBars: func(dx, dy float64) bool {
		return fraction(dy*1.6+0.05) < 0.5 && math.Abs(dx) < 1-0.25*math.Mod(math.Abs(math.Floor(dy*1.6)), 2)
	},
}
