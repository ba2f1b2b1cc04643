package person

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// DrawArm paints the shadow of an arm, the arm, and its hand; index 0 is the one on the picture's left.
func (p *Painter) DrawArm(index int) {
	side := []float64{-1, 1}[index]
	l := p.Arms[index]
	bare := l.Tube()
	p.castArm(bare)
	arm := []uint8{draw.LabelRightArm, draw.LabelLeftArm}[index]
	p.FillTube(bare, draw.Anywhere, func(at draw.Place, q draw.Point, _ draw.RGB) (draw.RGB, uint8, bool) {
		light := draw.Roundness(at.Across*side) - 0.05*draw.Smoothstep(0.85, 1, math.Abs(at.Across))
		return shadeSkin(p.skin, light+0.01), arm, !p.AboveShoulder(at, q)
	})
	p.drawHand(&l, index)
}

// castArm lays the soft shadow of an arm on cloth.
func (p *Painter) castArm(bare *draw.Tube) {
	shadow := bare.Grown(0.020)
	for _, joint := range []*draw.Point{&shadow.Start, &shadow.Joint, &shadow.End} {
		*joint = joint.Add(draw.XY(0.003, 0.009))
	}
	p.FillTube(shadow, draw.Only(draw.LabelUpper, draw.LabelPants), func(at draw.Place, _ draw.Point, under draw.RGB) (draw.RGB, uint8, bool) {
		return under.Shadow(0.42 * draw.Smoothstep(1, 0.5, at.Depth) * draw.Smoothstep(0.25, 0.6, at.Along)), draw.KeepLabel, true
	})
}

// drawHand paints a relaxed hand: palm and fingers in one shape, and a thumb.
func (p *Painter) drawHand(l *Limbs, index int) {
	label := []uint8{draw.LabelRightHand, draw.LabelLeftHand}[index]
	inward := []float64{1, -1}[index]
	along := l.tip.Sub(l.wrist)
	across := draw.XY(along.Y, -along.X).Scale(inward)
	at := func(a, b float64) draw.Point { return l.wrist.Add(along.Scale(a)).Add(across.Scale(b)) }
	shape := draw.Loop(at(-0.25, 0.33), at(0.2, 0.40), at(0.62, 0.42), at(1.1, 0.30), at(1.38, 0.06), at(1.3, -0.20), at(0.85, -0.36), at(0.3, -0.40), at(-0.25, -0.34))
	thumb := draw.Loop(at(0.12, 0.30), at(0.42, 0.56), at(0.78, 0.66), at(0.86, 0.50), at(0.6, 0.34), at(0.4, 0.2))
	paint := func(x, y float64, _ draw.RGB) draw.RGB {
		q := draw.XY(x, y).Sub(l.wrist)
		b := q.Dot(across) / across.Dot(across)
		return shadeSkin(p.skin, 1.0-0.28*b*b+0.02)
	}
	p.Fill(shape, label, draw.Anywhere, paint)
	p.Fill(thumb, label, draw.Anywhere, paint)
	for _, b := range []float64{-0.16, 0.02, 0.20} {
		gap := draw.Curve(at(0.80, b), at(1.0, b*0.95), at(1.24, b*0.8))
		p.Fill(draw.Ribbon(gap, 0.0011), draw.KeepLabel, draw.Only(label), func(_, _ float64, under draw.RGB) draw.RGB {
			return under.Mix(shadeSkin(p.skin, 0.5), 0.45)
		})
	}
}
