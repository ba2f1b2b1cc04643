package person

import (
	"github.com/braincreators/tryon-operator/internal/synth/dice"
	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// Person is everything about a person and the photograph except the garment. Lengths are in body units.
type Person struct {
	view                   draw.View
	backdrop               [2]draw.RGB
	light                  draw.Point // centre of the backdrop's glow
	gain                   float64
	skin, hair, iris, lips draw.RGB
	hairStyle              hairStyle
	parting                float64 // -1 … 1
	fringe                 float64 // 0 … 1
	earrings               bool
	blush, smile, brow     float64
	Build                  float64 // horizontal scale of the trunk
	shoulder, waist, hip   float64 // half widths
	lean, tilt             float64
	arms                   [2]arm // right, left: index 0 is on the picture's left
	trousers               draw.RGB
	cut                    trouserCut
	belt                   bool
	creases                uint64 // decides where creases and curls lie, and which arm is in front
}

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

// Make draws the lots for one person.
func Make(seed uint64, split string, index int) *Person {
	d := dice.Roll(seed, split, index, "body")
	p := &Person{
		view:     draw.View{Zoom: d.Between(1.12, 1.22), DX: d.Between(-0.014, 0.014), DY: d.Between(-0.022, 0.004)},
		backdrop: dice.Pick(d, studios), light: draw.XY(d.Between(-0.15, 0.15), d.Between(0.2, 0.5)), gain: d.Between(0.94, 1.03),
		skin: dice.Pick(d, skinTones), hairStyle: hairStyle(d.IntN(int(hairStyles))),
		parting: d.Between(-1, 1), fringe: d.Float64(), earrings: d.Chance(0.35),
		blush: d.Between(0.1, 0.5), smile: d.Between(0.4, 1), brow: d.Between(-1, 1),
		Build:    d.Between(0.92, 1.1),
		shoulder: d.Between(0.112, 0.126), waist: d.Between(0.082, 0.098), hip: d.Between(0.104, 0.118),
		lean: d.Between(-0.035, 0.035), tilt: d.Between(-0.09, 0.09),
		trousers: dice.Pick(d, trouserColours), cut: trouserCut(d.IntN(int(trouserCuts))), belt: d.Chance(0.3),
		creases: d.Uint64(),
	}
	p.hair = dice.Pick(d, hairColours)
	if p.skin.Luma() < 0.5 {
		p.hair = hairColours[d.IntN(4)]
	}
	p.iris = dice.Pick(d, []draw.RGB{draw.Hex(0x3b2a20), draw.Hex(0x4a3424), draw.Hex(0x35506b), draw.Hex(0x4d6046)})
	p.lips = p.skin.Mix(draw.Hex(0xb03a48), d.Between(0.35, 0.7))
	for i := range p.arms {
		p.arms[i] = makeArm(d)
	}
	return p
}

// Mannequin is whom a garment is photographed on; nothing of it is seen. spread is how far the arms are off the body, in degrees.
func Mannequin(spread float64) *Person {
	return &Person{
		Build: 1, shoulder: 0.119, waist: 0.090, hip: 0.111,
		arms: [2]arm{{spread, -1.5}, {spread, -1.5}},
	}
}
