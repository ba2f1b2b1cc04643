package drape

import (
	"github.com/braincreators/tryon-operator/internal/synth/draw"
	"github.com/braincreators/tryon-operator/internal/synth/garment"
	"github.com/braincreators/tryon-operator/internal/synth/person"
)

// Worn paints the person in the garment, and leaves labels for every sample.
func Worn(c *draw.Canvas, p *person.Person, g *garment.Garment) {
	wearer := p.On(c)
	w := &cloth{Canvas: c, bones: wearer.Skeleton, build: p.Build, garment: g, creasing: 1}
	w.half = fall(w.bones, g.Loose)
	wearer.DrawBehind()
	w.drawFront()
	wearer.DrawHead()
	for _, arm := range p.ArmOrder() {
		wearer.DrawArm(arm)
		w.drawSleeve(arm)
	}
	wearer.DrawBackdrop()
}

// cloth is one garment on one body.
type cloth struct {
	*draw.Canvas
	bones    *person.Skeleton
	build    float64 // horizontal scale of the wearer
	garment  *garment.Garment
	flat     bool
	half     draw.Profile // half width of the garment by y
	creasing float64      // strength of the folds, 1 when worn
}

// Canonical measures that turn places on a body into garment coordinates.
const (
	chestHalf   = 0.118
	trunkLength = person.HipY - person.ShoulderY
	sleeveHalf  = 0.040
	sleeveShift = 0.31 // keeps sleeve prints out of step with the front
)

// fall is the half width of the cloth by y: it follows the trunk (loose 0) or falls straight from the chest (loose 1).
func fall(s *person.Skeleton, loose float64) draw.Profile {
	chest := s.Trunk.At(0.375) + 0.003
	points := []draw.Point{draw.XY(0.25, s.Trunk.At(0.29)+0.002), draw.XY(0.34, s.Trunk.At(0.34)+0.002), draw.XY(0.375, chest)}
	for _, y := range []float64{0.43, person.WaistY, 0.53, 0.565, person.HipY, 0.64, 0.70} {
		snug := s.Trunk.At(y) + 0.006
		hang := max(snug, chest+0.004+(y-0.4)*0.03)
		points = append(points, draw.XY(y, snug+(hang-snug)*loose))
	}
	return draw.MakeProfile(points...)
}

func (w *cloth) leaned(p draw.Point) draw.Point { return draw.XY(p.X+w.bones.Axis(p.Y), p.Y) }

// lit applies light to cloth.
func lit(c draw.RGB, light float64) draw.RGB {
	if light >= 1 {
		return c.Times(min(light, 1.15))
	}
	return c.Shadow(draw.Clamp((1-light)*1.3, 0, 1))
}
