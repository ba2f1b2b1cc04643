package person

import "github.com/braincreators/tryon-operator/internal/synth/draw"

// Painter paints one person on one canvas, layer by layer from back to front, so that whoever dresses the person can paint between:
// DrawBehind, then the garment's front, DrawHead, DrawArm for each of ArmOrder with its sleeve, and DrawBackdrop last.
type Painter struct {
	*draw.Canvas
	*Person
	*Skeleton
}

// On begins a photograph of the person: the canvas is blank after it.
func (p *Person) On(c *draw.Canvas) *Painter {
	c.Reset(p.backdrop[1], p.view)
	return &Painter{Canvas: c, Person: p, Skeleton: p.Skeleton()}
}

// DrawBehind paints what a top covers or borders on: hair behind the back, legs, trousers, neck.
func (p *Painter) DrawBehind() {
	p.drawBackHair()
	p.drawLegs()
	p.drawTrousers()
	p.drawNeck()
}

// DrawHead paints the face and the hair in front of it.
func (p *Painter) DrawHead() {
	p.drawFace()
	p.drawFrontHair()
}

// ArmOrder is the indices of both arms, the one in front last.
func (p *Person) ArmOrder() [2]int {
	if p.creases&1 == 1 {
		return [2]int{1, 0}
	}
	return [2]int{0, 1}
}

// place moves points given relative to the head's centre into body units.
func (p *Painter) place(points []draw.Point) []draw.Point { return draw.Moved(points, p.onHead) }

// DrawBackdrop paints what the person left free, and exposes the photograph; it comes last, because half of it would be painted over.
func (p *Painter) DrawBackdrop() {
	free := draw.Only(draw.LabelBackground)
	p.Wash(free, func(y float64) draw.Dab {
		dy := (y - p.light.Y) * 0.8
		return func(x float64, _ draw.RGB) draw.RGB {
			t := draw.Smoothstep(0.05, 0.85, draw.Hypot(x-p.light.X, dy))
			return p.backdrop[0].Mix(p.backdrop[1], t)
		}
	})
	// The soft shadow that a person leaves on the paper behind.
	p.FillLines(draw.Ellipse(draw.XY(0.05, 0.72), 0.26, 0.5, 0), draw.KeepLabel, free, func(y float64) draw.Dab {
		dy := (y - 0.72) / 0.5
		return func(x float64, under draw.RGB) draw.RGB {
			return under.Times(1 - 0.10*draw.Smoothstep(0, 1, 1-draw.Hypot((x-0.05)/0.26, dy)))
		}
	})
	p.Expose(p.gain)
}
