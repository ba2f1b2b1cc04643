package synth

// arm is the pose of one arm: angles from straight down, positive away from the body; the elbow adds to the shoulder.
type arm struct{ shoulder, elbow float64 } // degrees

// hairStyle is one of the drawn cuts.
type hairStyle int

const (
	hairCrop hairStyle = iota
	hairBob
	hairLong
	hairWavy
	hairBun
	hairTail
	hairCurly
	hairBuzz
	hairStyles
)

// trouserCut says how wide trousers fall and where they end.
type trouserCut int

const (
	cutSlim trouserCut = iota
	cutStraight
	cutWide
	cutShorts
	trouserCuts
)

// body is everything about a person and the scene except the garment.
type body struct {
	view                   view
	backdrop               [2]rgb
	light                  point // centre of the backdrop's glow
	gain                   float64
	skin, hair, iris, lips rgb
	hairStyle              hairStyle
	parting                float64 // -1 … 1
	fringe                 float64 // 0 … 1
	earrings               bool
	blush, smile, brow     float64
	build                  float64 // horizontal scale of the trunk
	shoulder, waist, hip   float64 // half widths
	lean, tilt             float64
	arms                   [2]arm // right, left: index 0 is on the picture's left
	trousers               rgb
	cut                    trouserCut
	belt                   bool
	creases                uint64
}

// makeBody draws the lots for one person.
func makeBody(seed uint64, split string, index int) *body {
	d := roll(seed, split, index, "body")
	b := &body{
		view:     view{zoom: d.between(1.12, 1.22), dx: d.between(-0.014, 0.014), dy: d.between(-0.022, 0.004)},
		backdrop: pick(d, studios), light: point{d.between(-0.15, 0.15), d.between(0.2, 0.5)}, gain: d.between(0.94, 1.03),
		skin: pick(d, skinTones), hairStyle: hairStyle(d.IntN(int(hairStyles))),
		parting: d.between(-1, 1), fringe: d.Float64(), earrings: d.chance(0.35),
		blush: d.between(0.1, 0.5), smile: d.between(0.4, 1), brow: d.between(-1, 1),
		build:    d.between(0.92, 1.1),
		shoulder: d.between(0.112, 0.126), waist: d.between(0.082, 0.098), hip: d.between(0.104, 0.118),
		lean: d.between(-0.035, 0.035), tilt: d.between(-0.09, 0.09),
		trousers: pick(d, trouserColours), cut: trouserCut(d.IntN(int(trouserCuts))), belt: d.chance(0.3),
		creases: d.Uint64(),
	}
	b.hair = pick(d, hairColours)
	if b.skin.luma() < 0.5 {
		b.hair = hairColours[d.IntN(4)]
	}
	b.iris = pick(d, []rgb{hex(0x3b2a20), hex(0x4a3424), hex(0x35506b), hex(0x4d6046)})
	b.lips = b.skin.mix(hex(0xb03a48), d.between(0.35, 0.7))
	for i := range b.arms {
		b.arms[i] = makeArm(d)
	}
	return b
}

// makeArm favours the poses of catalogue photographs: hanging, hand on the hip, forearm across the trunk.
func makeArm(d dice) arm {
	switch p := d.Float64(); {
	case p < 0.42:
		return arm{d.between(5, 20), d.between(-14, 8)}
	case p < 0.60:
		return arm{d.between(30, 46), d.between(-95, -70)}
	case p < 0.90:
		return arm{d.between(6, 26), d.between(-112, -58)}
	default:
		return arm{d.between(20, 34), d.between(-24, 10)}
	}
}

// limbs are the bones of one arm.
type limbs struct{ shoulder, elbow, wrist, tip point }

const (
	neckTop     = 0.222
	shoulderY   = 0.288
	waistY      = 0.475
	hipY        = 0.600
	crotchY     = 0.665
	kneeY       = 0.930
	ankleY      = 1.200
	upperArm    = 0.158
	foreArm     = 0.142
	hand        = 0.050
	headCentreY = 0.148
)

// skeleton is the body's geometry in body units.
type skeleton struct {
	arms  [2]limbs // right, left
	trunk profile  // half width of the trunk by y
	lean  float64
	head  point
	tilt  float64
}

// makeSkeleton places the joints of a body.
func makeSkeleton(b *body) *skeleton {
	s := &skeleton{lean: b.lean, tilt: b.tilt, trunk: trunk(b)}
	s.head = point{s.axis(headCentreY) + b.tilt*0.05, headCentreY}
	for i, side := range []float64{-1, 1} {
		start := point{s.axis(shoulderY) + side*b.shoulder*b.build*0.93, shoulderY + 0.020}
		s.arms[i] = makeLimbs(start, side, b.arms[i])
	}
	return s
}

func makeLimbs(start point, side float64, a arm) limbs {
	upper, lower := radians(a.shoulder)*side, radians(a.shoulder+a.elbow)*side
	elbow := start.add(heading(upper).scale(upperArm))
	wrist := elbow.add(heading(lower).scale(foreArm))
	return limbs{start, elbow, wrist, wrist.add(heading(lower * 0.94).scale(hand))}
}

// axis is the x of the trunk's centre line at y; the hips stay in place when the trunk leans.
func (s *skeleton) axis(y float64) float64 { return s.lean * (hipY - y) }

// shoulderLine is the y of the shoulders' contour at a distance from the centre line; arms and cloth end there.
func (s *skeleton) shoulderLine(fromAxis float64) float64 {
	tip := s.trunk.at(shoulderY) * 0.97
	over := max(0, fromAxis-tip)
	return 0.2615 + (fromAxis-over-0.046)*0.25 + over*0.4 + over*over*6
}

// trunk is the half width of the body by y, before any cloth.
func trunk(b *body) profile {
	w := b.build
	return makeProfile(
		point{shoulderY - 0.03, b.shoulder * w * 0.93}, point{shoulderY + 0.03, b.shoulder * w * 0.93},
		point{0.37, b.shoulder * w * 0.88}, point{0.42, (b.shoulder*0.3 + b.waist*0.62) * w}, point{waistY, b.waist * w},
		point{0.53, (b.waist*0.45 + b.hip*0.53) * w}, point{hipY, b.hip * w}, point{0.66, b.hip * w * 0.99}, point{0.72, b.hip * w * 0.98})
}

// keypoint is a named position with whether it can be seen.
type keypoint struct {
	point
	known bool
}

// keypoints returns the joints in BODY_25 order, in body units.
func (s *skeleton) keypoints(b *body) [25]keypoint {
	at := func(x, y float64) keypoint { return keypoint{point{x, y}, true} }
	face := func(x, y float64) keypoint {
		p := s.onHead(point{x, y})
		return at(p.x, p.y)
	}
	hip := b.hip * b.build * 0.55
	joint := func(p point) keypoint { return at(p.x, p.y) }
	right, left := s.arms[0], s.arms[1]
	return [25]keypoint{
		face(0, 0.016), at(s.axis(shoulderY-0.012), shoulderY-0.012),
		joint(right.shoulder), joint(right.elbow), joint(right.wrist),
		joint(left.shoulder), joint(left.elbow), joint(left.wrist),
		at(0, hipY), at(-hip, hipY), at(-0.064, kneeY), at(-0.066, ankleY),
		at(hip, hipY), at(0.064, kneeY), at(0.066, ankleY),
		face(-0.021, -0.004), face(0.021, -0.004), face(-0.050, 0.006), face(0.050, 0.006),
		at(0.085, ankleY+0.04), at(0.1, ankleY+0.035), at(0.06, ankleY+0.02),
		at(-0.085, ankleY+0.04), at(-0.1, ankleY+0.035), at(-0.06, ankleY+0.02),
	}
}

// onHead turns a position relative to the head's centre into body units.
func (s *skeleton) onHead(p point) point {
	return point{s.head.x + p.x - p.y*s.tilt, s.head.y + p.y + p.x*s.tilt}
}
