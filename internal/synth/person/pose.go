package person

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/dice"
	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// arm is the pose of one arm: angles from straight down, positive away from the body; the elbow adds to the shoulder.
type arm struct{ shoulder, elbow float64 } // degrees

// makeArm favours the poses of catalogue photographs: hanging, hand on the hip, forearm across the trunk.
func makeArm(d dice.Stream) arm {
	switch p := d.Float64(); {
	case p < 0.42:
		return arm{d.Between(5, 20), d.Between(-14, 8)}
	case p < 0.60:
		return arm{d.Between(30, 46), d.Between(-95, -70)}
	case p < 0.90:
		return arm{d.Between(6, 26), d.Between(-112, -58)}
	default:
		return arm{d.Between(20, 34), d.Between(-24, 10)}
	}
}

// Where the parts of every upright body lie, and the lengths of an arm's bones, in body units.
const (
	ShoulderY = 0.288
	WaistY    = 0.475
	HipY      = 0.600
	UpperArm  = 0.158

	headCentreY = 0.148
	neckTop     = 0.222
	crotchY     = 0.665
	kneeY       = 0.930
	ankleY      = 1.200
	foreArm     = 0.142
	hand        = 0.050
)

// Limbs are the joints of one arm.
type Limbs struct{ shoulder, elbow, wrist, tip draw.Point }

// armRadius of a bare arm at shoulder, elbow and wrist.
var armRadius = [3]float64{0.0335, 0.0262, 0.0178}

// Tube is the bare arm from shoulder to wrist.
func (l *Limbs) Tube() *draw.Tube {
	return &draw.Tube{Start: l.shoulder, Joint: l.elbow, End: l.wrist, Radius: armRadius}
}

// Skeleton is the posed body's geometry in body units.
type Skeleton struct {
	Arms  [2]Limbs     // right, left: index 0 is on the picture's left
	Trunk draw.Profile // half width of the trunk by y, before any cloth
	Head  draw.Point   // centre of the head
	lean  float64
	tilt  float64
}

// Skeleton places the joints of a person.
func (p *Person) Skeleton() *Skeleton {
	s := &Skeleton{lean: p.lean, tilt: p.tilt, Trunk: trunk(p)}
	s.Head = draw.XY(s.Axis(headCentreY)+p.tilt*0.05, headCentreY)
	for i, side := range []float64{-1, 1} {
		start := draw.XY(s.Axis(ShoulderY)+side*p.shoulder*p.Build*0.93, ShoulderY+0.020)
		s.Arms[i] = makeLimbs(start, side, p.arms[i])
	}
	return s
}

func makeLimbs(start draw.Point, side float64, a arm) Limbs {
	upper, lower := draw.Radians(a.shoulder)*side, draw.Radians(a.shoulder+a.elbow)*side
	elbow := start.Add(draw.Heading(upper).Scale(UpperArm))
	wrist := elbow.Add(draw.Heading(lower).Scale(foreArm))
	return Limbs{start, elbow, wrist, wrist.Add(draw.Heading(lower * 0.94).Scale(hand))}
}

// Axis is the x of the trunk's centre line at y; the hips stay in place when the trunk leans.
func (s *Skeleton) Axis(y float64) float64 { return s.lean * (HipY - y) }

// ShoulderLine is the y of the shoulders' contour at a distance from the centre line; arms and cloth end there.
func (s *Skeleton) ShoulderLine(fromAxis float64) float64 {
	tip := s.Trunk.At(ShoulderY) * 0.97
	over := max(0, fromAxis-tip)
	return 0.2615 + (fromAxis-over-0.046)*0.25 + over*0.4 + over*over*6
}

// AboveShoulder is true where the round end of an arm's or a sleeve's tube would stand out above the shoulder.
func (s *Skeleton) AboveShoulder(at draw.Place, p draw.Point) bool {
	return at.Along < 0.4 && p.Y < s.ShoulderLine(math.Abs(p.X-s.Axis(p.Y)))
}

// trunk is the half width of the body by y, before any cloth.
func trunk(p *Person) draw.Profile {
	w := p.Build
	return draw.MakeProfile(
		draw.XY(ShoulderY-0.03, p.shoulder*w*0.93), draw.XY(ShoulderY+0.03, p.shoulder*w*0.93),
		draw.XY(0.37, p.shoulder*w*0.88), draw.XY(0.42, (p.shoulder*0.3+p.waist*0.62)*w), draw.XY(WaistY, p.waist*w),
		draw.XY(0.53, (p.waist*0.45+p.hip*0.53)*w), draw.XY(HipY, p.hip*w), draw.XY(0.66, p.hip*w*0.99), draw.XY(0.72, p.hip*w*0.98))
}

// onHead turns a position relative to the head's centre into body units.
func (s *Skeleton) onHead(p draw.Point) draw.Point {
	return draw.XY(s.Head.X+p.X-p.Y*s.tilt, s.Head.Y+p.Y+p.X*s.tilt)
}

// Keypoints returns the joints in the order of OpenPose's BODY_25, in body units. Those outside the picture are there as well.
func (p *Person) Keypoints() [25]draw.Point {
	s, at := p.Skeleton(), draw.XY
	face := func(x, y float64) draw.Point { return s.onHead(at(x, y)) }
	hip := p.hip * p.Build * 0.55
	right, left := s.Arms[0], s.Arms[1]
	return [25]draw.Point{
		face(0, 0.016), at(s.Axis(ShoulderY-0.012), ShoulderY-0.012),
		right.shoulder, right.elbow, right.wrist,
		left.shoulder, left.elbow, left.wrist,
		at(0, HipY), at(-hip, HipY), at(-0.064, kneeY), at(-0.066, ankleY),
		at(hip, HipY), at(0.064, kneeY), at(0.066, ankleY),
		face(-0.021, -0.004), face(0.021, -0.004), face(-0.050, 0.006), face(0.050, 0.006),
		at(0.085, ankleY+0.04), at(0.1, ankleY+0.035), at(0.06, ankleY+0.02),
		at(-0.085, ankleY+0.04), at(-0.1, ankleY+0.035), at(-0.06, ankleY+0.02),
	}
}
