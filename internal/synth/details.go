package synth

import "math"

// drawTrim paints the band round the neckline and, without sleeves, round the armholes.
func (w *worn) drawTrim() {
	if w.garment.neck == neckPolo || w.garment.neck == neckHigh {
		return
	}
	for _, side := range []float64{-1, 1} {
		line := w.garment.neckCurve()
		band := make([]point, 0, 2*len(line))
		band = append(band, line...)
		for i := len(line) - 1; i >= 0; i-- {
			p := line[i]
			band = append(band, point{max(0, p.x+0.0095*p.x/0.05), p.y + 0.0115})
		}
		band = moved(band, func(p point) point { return w.leaned(point{p.x * side, p.y}) })
		w.fill(band, labelUpper, only(labelUpper), func(x, y float64, _ rgb) rgb {
			u := (x - w.bones.axis(y)) / w.cloth.at(y)
			return lit(w.garment.trim.times(1+0.04*math.Sin(x*1500)), roundness(u)-0.03)
		})
	}
}

// drawBackNeck paints the strip of the back that a flat garment shows through its neck opening.
func (w *worn) drawBackNeck() {
	half, side, _ := w.garment.neckShape()
	top := curve(point{-half - 0.002, side}, point{-half * 0.5, side + 0.009}, point{0, side + 0.012}, point{half * 0.5, side + 0.009}, point{half + 0.002, side})
	bottom := curve(point{half * 0.97, side + 0.013}, point{half * 0.5, side + 0.0225}, point{0, side + 0.0255}, point{-half * 0.5, side + 0.0225}, point{-half * 0.97, side + 0.013})
	w.fill(append(top, bottom...), labelUpper, anywhere, func(_, y float64, _ rgb) rgb {
		return w.garment.trim.shadow(0.30 + 8*max(0, y-side-0.012))
	})
}

// drawHighNeck paints a roll neck.
func (w *worn) drawHighNeck() {
	right := curve(point{0, 0.236}, point{0.020, 0.2345}, point{0.0335, 0.229}, point{0.037, 0.244}, point{0.038, 0.256}, point{0.026, 0.270}, point{0, 0.276})
	outline := moved(symmetric(right), func(p point) point {
		t := smoothstep(0.27, 0.22, p.y)
		return point{p.x*w.widthOfNeck() + w.bones.axis(p.y)*(1-t) + w.bones.head.x*t, p.y}
	})
	w.fill(outline, labelUpper, anywhere, func(x, y float64, _ rgb) rgb {
		u := clamp((x-w.bones.axis(y))/0.038, -1, 1)
		rib := 0.05 * math.Sin(x*1100)
		edge := -0.16 * smoothstep(0.266, 0.276, y)
		return lit(w.garment.texture.base, roundness(u)+rib+edge-0.02)
	})
}

func (w *worn) widthOfNeck() float64 {
	if w.flat {
		return 1
	}
	return w.body.build
}

// drawPlacket paints the button strip below a neckline.
func (w *worn) drawPlacket() {
	_, _, top := w.garment.neckShape()
	end, buttons := w.hemY-0.004, 5
	if w.garment.neck == neckPolo {
		end, buttons = top+0.085, 2
	}
	strip := moved([]point{{-0.0105, top - 0.004}, {0.0105, top - 0.004}, {0.0105, end}, {-0.0105, end}}, w.leaned)
	w.fill(strip, labelUpper, only(labelUpper), func(x, y float64, under rgb) rgb {
		edge := smoothstep(0.0075, 0.0105, abs(x-w.bones.axis(y)))
		return under.mix(w.garment.texture.base, 0.75).shadow(0.05 + 0.35*edge)
	})
	for i := range buttons {
		y := top + 0.022 + (end-top-0.03)*float64(i)/float64(buttons)
		at := w.leaned(point{0, y})
		w.fill(ellipse(at, 0.0046, 0.0046, 0), labelUpper, only(labelUpper), func(bx, by float64, _ rgb) rgb {
			return w.garment.trim.mix(rgb{1, 1, 1}, 0.45).shadow(0.5 * smoothstep(0.002, 0.005, hypot(bx-at.x, by-at.y)))
		})
	}
}

// drawCollar paints two folded collar leaves.
func (w *worn) drawCollar() {
	for _, side := range []float64{-1, 1} {
		leaf := append(curve(point{side * 0.036, 0.246}, point{side * 0.050, 0.254}, point{side * 0.062, 0.276}, point{side * 0.050, 0.322}),
			curve(point{side * 0.030, 0.314}, point{side * 0.004, 0.302}, point{side * 0.026, 0.276}, point{side * 0.032, 0.258})...)
		leaf = moved(leaf, w.leaned)
		under := moved(append([]point(nil), leaf...), func(p point) point { return point{p.x, p.y + 0.006} })
		w.fill(under, keepLabel, only(labelUpper), func(_, _ float64, below rgb) rgb { return below.shadow(0.4) })
		w.fill(leaf, labelUpper, anywhere, func(x, y float64, _ rgb) rgb {
			return lit(w.garment.trim, 1.04-abs(x-w.bones.axis(y))*1.6)
		})
	}
}

// sleeveTube is the cloth round an arm.
func (w *worn) sleeveTube(l limbs) *tube {
	fit := w.garment.sleeveFit
	t := &tube{start: l.shoulder, joint: l.elbow, end: l.wrist, radius: armRadius}
	t.radius[0] += fit * 0.7
	t.radius[1] += fit
	t.radius[2] += fit * 0.9
	if w.garment.sleeve == sleeveShort {
		t.radius[1] += 0.009
	}
	return t
}

// paintSleeve is the brush of a sleeve with the label to leave.
func (w *worn) paintSleeve(side float64) tubeBrush {
	g := w.garment
	phase := float64(g.wrinkles>>8%1000) / 160
	return func(at place, p point, _ rgb) (rgb, uint8, bool) {
		end := g.sleeveEnd + 0.045*(1-at.across*at.across)
		if at.along > end || w.aboveShoulder(at, p) {
			return rgb{}, 0, false
		}
		colour := g.texture.at(sleeveShift*side+at.across*sleeveHalf, at.along*upperArm, false)
		if g.raglan {
			colour = g.texture.mark
		}
		if at.along > end-0.11 && g.hem != hemCurved {
			colour = g.trim
		}
		light := roundness(at.across) + 0.01
		if w.flat {
			light = 1.02 - 0.08*at.across*at.across*at.across*at.across
		}
		if bend := bell((at.along - 1) / 0.24); bend > 0 {
			light += 0.055 * math.Sin(at.along*46+at.across*2.2+phase) * bend * w.creasing
		}
		light += 0.03 * math.Sin(at.along*17+at.across*3+phase) * w.creasing
		light -= 0.10 * smoothstep(0.86, 1, at.depth) * smoothstep(0.12, 0, at.along)
		return lit(colour, light), labelUpper, true
	}
}

// aboveShoulder is true where the round end of a tube would stand out above the shoulder.
func (w *worn) aboveShoulder(at place, p point) bool {
	return at.along < 0.4 && p.y < w.bones.shoulderLine(abs(p.x-w.bones.axis(p.y)))
}

// drawArm paints the shadow of an arm, the arm, its hand, and the sleeve.
func (w *worn) drawArm(index int) {
	side := []float64{-1, 1}[index]
	l := w.bones.arms[index]
	bare := &tube{start: l.shoulder, joint: l.elbow, end: l.wrist, radius: armRadius}
	w.castArm(bare)
	arm := []uint8{labelRightArm, labelLeftArm}[index]
	w.fillTube(bare, anywhere, func(at place, p point, _ rgb) (rgb, uint8, bool) {
		light := roundness(at.across*side) - 0.05*smoothstep(0.85, 1, abs(at.across))
		return shadeSkin(w.body.skin, light+0.01), arm, !w.aboveShoulder(at, p)
	})
	w.drawHand(l, index)
	if w.garment.sleeve != sleeveNone {
		w.fillTube(w.sleeveTube(l), anywhere, w.paintSleeve(side))
	}
}

// castArm lays the soft shadow of an arm on cloth.
func (w *worn) castArm(bare *tube) {
	shadow := bare.grown(0.020)
	for _, p := range []*point{&shadow.start, &shadow.joint, &shadow.end} {
		*p = p.add(point{0.003, 0.009})
	}
	w.fillTube(shadow, only(labelUpper, labelPants), func(at place, _ point, under rgb) (rgb, uint8, bool) {
		return under.shadow(0.42 * smoothstep(1, 0.5, at.depth) * smoothstep(0.25, 0.6, at.along)), keepLabel, true
	})
}

// drawHand paints a relaxed hand: palm and fingers in one shape, and a thumb.
func (w *worn) drawHand(l limbs, index int) {
	label := []uint8{labelRightHand, labelLeftHand}[index]
	inward := []float64{1, -1}[index]
	along := l.tip.sub(l.wrist)
	across := point{along.y, -along.x}.scale(inward)
	at := func(a, b float64) point { return l.wrist.add(along.scale(a)).add(across.scale(b)) }
	shape := loop(at(-0.25, 0.33), at(0.2, 0.40), at(0.62, 0.42), at(1.1, 0.30), at(1.38, 0.06), at(1.3, -0.20), at(0.85, -0.36), at(0.3, -0.40), at(-0.25, -0.34))
	thumb := loop(at(0.12, 0.30), at(0.42, 0.56), at(0.78, 0.66), at(0.86, 0.50), at(0.6, 0.34), at(0.4, 0.2))
	paint := func(x, y float64, _ rgb) rgb {
		q := point{x, y}.sub(l.wrist)
		b := q.dot(across) / across.dot(across)
		return shadeSkin(w.body.skin, 1.0-0.28*b*b+0.02)
	}
	w.fill(shape, label, anywhere, paint)
	w.fill(thumb, label, anywhere, paint)
	for _, b := range []float64{-0.16, 0.02, 0.20} {
		gap := curve(at(0.80, b), at(1.0, b*0.95), at(1.24, b*0.8))
		w.fill(ribbon(gap, 0.0011), keepLabel, only(label), func(_, _ float64, under rgb) rgb {
			return under.mix(shadeSkin(w.body.skin, 0.5), 0.45)
		})
	}
}
