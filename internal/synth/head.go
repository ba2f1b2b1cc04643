package synth

import "math"

// head draws everything above the shoulders.
type head struct {
	*canvas
	*body
	*skeleton
}

// place moves points given relative to the head's centre into body units.
func (h *head) place(points []point) []point { return moved(points, h.onHead) }

// hairBrush is glossy hair: strands and a band of light at a height relative to the head.
func (h *head) hairBrush(gloss, depth float64) lineBrush {
	phase := float64(h.creases % 31)
	return func(y float64) dab {
		dy := y - h.head.y
		curl := math.Sin(dy*30) * 1.2
		return func(x float64, _ rgb) rgb {
			dx := x - h.head.x
			strand := math.Sin(dx*260+curl+phase) * 0.035
			band := bell((dy-gloss-dx*dx*6)/0.014) * 0.16 * (1 - smoothstep(0.02, 0.07, abs(dx)))
			light := 1 + strand - depth - 0.18*smoothstep(0.02, 0.085, abs(dx))
			c := h.hair.mix(rgb{1, 0.93, 0.84}, clamp(band, 0, 1))
			if light > 1 {
				return c.times(light)
			}
			return c.shadow(clamp((1-light)*1.1, 0, 1))
		}
	}
}

func (h *head) drawBackHair() {
	var right []point
	switch h.hairStyle {
	case hairBob:
		right = curve(point{0, -0.098}, point{0.05, -0.082}, point{0.074, -0.02}, point{0.078, 0.06}, point{0.062, 0.093}, point{0.02, 0.085})
	case hairLong:
		right = curve(point{0, -0.098}, point{0.052, -0.08}, point{0.072, -0.01}, point{0.076, 0.10}, point{0.084, 0.2}, point{0.06, 0.245}, point{0.02, 0.22})
	case hairWavy:
		right = curve(point{0, -0.1}, point{0.056, -0.082}, point{0.078, -0.02}, point{0.074, 0.03}, point{0.09, 0.075}, point{0.082, 0.12}, point{0.096, 0.165}, point{0.07, 0.205}, point{0.02, 0.19})
	case hairCurly:
		h.drawCurls()
		return
	case hairBun:
		h.fillLines(h.place(ellipse(point{0.004, -0.112}, 0.033, 0.030, 0)), labelHair, anywhere, h.hairBrush(-0.122, 0.02))
		return
	case hairTail:
		side := math.Copysign(1, h.parting)
		tail := loop(point{side * 0.04, -0.07}, point{side * 0.085, -0.045}, point{side * 0.092, 0.05}, point{side * 0.078, 0.14}, point{side * 0.062, 0.06}, point{side * 0.05, -0.02})
		h.fillLines(h.place(tail), labelHair, anywhere, h.hairBrush(-0.03, 0.1))
		return
	default:
		return
	}
	h.fillLines(h.place(symmetric(right)), labelHair, anywhere, h.hairBrush(-0.06, 0.22))
}

// drawCurls paints a round cloud of curls.
func (h *head) drawCurls() {
	d := roll(h.creases, "hair", 0, "curls")
	for ring, radius := range []float64{0.0, 0.052, 0.076} {
		count := []int{1, 10, 17}[ring]
		for i := range count {
			a := 2 * math.Pi * (float64(i) + d.Float64()*0.4) / float64(count)
			centre := point{math.Sin(a) * radius, -0.028 - math.Cos(a)*radius*0.93}
			if centre.y > 0.04 {
				continue
			}
			size := d.between(0.024, 0.031) + 0.045*float64(max(0, 1-ring))
			light := d.between(0.02, 0.2)
			h.fillLines(h.place(ellipse(centre, size, size, 0)), labelHair, anywhere, h.hairBrush(-0.075, light))
		}
	}
}

// drawNeck paints neck and the skin that a neckline may leave open.
func (h *head) drawNeck() {
	low := h.axis(shoulderY)
	right := curve(point{0.028, neckTop - 0.045}, point{0.0275, neckTop + 0.012}, point{0.034, shoulderY - 0.033}, point{0.066, shoulderY - 0.013}, point{0.098, shoulderY + 0.008}, point{0.07, 0.40}, point{0.03, 0.45})
	outline := moved(symmetric(right), func(p point) point {
		t := smoothstep(neckTop-0.04, shoulderY, p.y)
		return point{p.x*h.build + h.head.x*(1-t) + low*t, p.y}
	})
	h.fill(outline, labelNeck, anywhere, func(x, y float64, _ rgb) rgb {
		dx := x - h.axis(y)
		light := 1.0 - 0.22*smoothstep(0.010, 0.034, abs(dx))*smoothstep(shoulderY, neckTop, y)
		chin := hypot((x-h.head.x)/0.05, (y-h.head.y-0.055)/0.062)
		light -= 0.30 * smoothstep(1.25, 0.8, chin)
		bone := bell((y-shoulderY-0.002-abs(dx)*0.10)/0.0045) * smoothstep(0.008, 0.03, abs(dx))
		return shadeSkin(h.skin, light-0.10*bone)
	})
}

// drawFace paints ears, face and features.
func (h *head) drawFace() {
	for _, side := range []float64{-1, 1} {
		h.fill(h.place(ellipse(point{side * 0.0515, 0.008}, 0.009, 0.017, side*0.15)), labelFace, anywhere, func(_, _ float64, _ rgb) rgb {
			return shadeSkin(h.skin, 0.88)
		})
		if h.earrings {
			h.fill(h.place(ellipse(point{side * 0.053, 0.028}, 0.0042, 0.0042, 0)), labelFace, anywhere, func(_, _ float64, _ rgb) rgb { return hex(0xe6c25a) })
		}
	}
	right := curve(point{0, -0.078}, point{0.036, -0.068}, point{0.0515, -0.025}, point{0.0505, 0.022}, point{0.040, 0.052}, point{0.020, 0.074}, point{0, 0.0795})
	flush := h.skin.mix(hex(0xe0564f), 0.45)
	h.fill(h.place(symmetric(right)), labelFace, anywhere, func(x, y float64, _ rgb) rgb {
		dx, dy := x-h.head.x, y-h.head.y
		light := 1.05 - 0.22*smoothstep(0.2, 1.1, hypot((dx+0.012)/0.056, (dy+0.005)/0.088))
		colour := shadeSkin(h.skin, light)
		for _, side := range []float64{-1, 1} {
			cheek := hypot((dx-side*0.030)/0.017, (dy-0.027)/0.012)
			colour = colour.mix(flush, h.blush*0.7*smoothstep(1, 0, cheek))
		}
		return colour
	})
	h.drawFeatures()
}

// drawFeatures paints eyes, brows, nose and mouth.
func (h *head) drawFeatures() {
	dark := h.hair.mix(hex(0x1d1517), 0.6)
	flat := func(colour rgb, alpha float64) brush {
		return func(_, _ float64, under rgb) rgb { return under.mix(colour, alpha) }
	}
	stroke := func(half float64, colour rgb, alpha float64, line ...point) {
		h.fill(h.place(ribbon(curve(line...), half)), keepLabel, only(labelFace), flat(colour, alpha))
	}
	dot := func(x, y, rx, ry float64, colour rgb) {
		h.fill(h.place(ellipse(point{x, y}, rx, ry, 0)), keepLabel, only(labelFace), flat(colour, 1))
	}
	for _, side := range []float64{-1, 1} {
		x := side * 0.0215
		dot(x, -0.003, 0.0098, 0.0056, rgb{0.985, 0.975, 0.97})
		dot(x, -0.003, 0.0052, 0.0058, h.iris)
		dot(x, -0.003, 0.0027, 0.0031, hex(0x120d0d))
		dot(x-0.0018, -0.0052, 0.0014, 0.0014, rgb{1, 1, 1})
		stroke(0.0021, dark, 0.95, point{x - 0.0105, -0.0035 + 0.001*(1+side)}, point{x, -0.0098}, point{x + 0.0105, -0.0035 + 0.001*(1-side)})
		stroke(0.0026, dark, 0.8, point{side * 0.0095, -0.0205 + 0.001*h.brow}, point{side * 0.021, -0.0255}, point{side * 0.034, -0.0195 - 0.001*h.brow})
	}
	deep := shadeSkin(h.skin, 0.55)
	stroke(0.0016, deep, 0.5, point{0.0015, 0.002}, point{0.0045, 0.015}, point{0.006, 0.0215})
	stroke(0.0016, deep, 0.7, point{-0.0052, 0.0235}, point{0.0006, 0.0262}, point{0.0064, 0.0232})
	curl := 0.0052 * h.smile
	upper := append(curve(point{-0.0165, 0.0425 - curl*0.4}, point{-0.006, 0.0405}, point{0, 0.0418}, point{0.006, 0.0405}, point{0.0165, 0.0425 - curl*0.4}),
		curve(point{0.008, 0.0502 + curl*0.3}, point{0, 0.052 + curl*0.4}, point{-0.008, 0.0502 + curl*0.3})...)
	h.fill(h.place(upper), keepLabel, only(labelFace), flat(h.lips, 0.9))
	stroke(0.0012, h.lips.shadow(0.8), 0.75, point{-0.0168, 0.0425 - curl*0.45}, point{0, 0.0448 + curl*0.35}, point{0.0168, 0.0425 - curl*0.45})
}

// drawFrontHair paints what falls over the forehead and, for long cuts, over the shoulders.
func (h *head) drawFrontHair() {
	paint := h.hairBrush(-0.066, 0)
	switch h.hairStyle {
	case hairBuzz:
		cap := symmetric(curve(point{0, -0.086}, point{0.038, -0.077}, point{0.055, -0.038}, point{0.053, -0.008}, point{0.046, -0.03}, point{0.034, -0.055}, point{0, -0.06}))
		h.fillLines(h.place(cap), labelHair, anywhere, paint)
	case hairCurly:
		h.drawFringe(0.062)
	default:
		h.drawFringe(0.060)
	}
	if h.hairStyle == hairLong || h.hairStyle == hairWavy {
		h.drawLocks()
	}
}

// drawFringe paints the crown down to a parted hairline.
func (h *head) drawFringe(width float64) {
	part := h.parting * 0.024
	line := -0.050 + 0.024*h.fringe
	temple := 0.012
	if h.hairStyle == hairCrop {
		temple = -0.006
	}
	crown := curve(point{-width + 0.007, temple}, point{-width, -0.028}, point{-0.045, -0.082}, point{0, -0.1}, point{0.045, -0.082}, point{width, -0.028}, point{width - 0.007, temple})
	back := curve(point{0.0475, -0.016}, point{0.040, line + 0.006}, point{0.5*part + 0.02, line - 0.010}, point{part, -0.066}, point{0.5*part - 0.02, line - 0.010}, point{-0.040, line + 0.006}, point{-0.0475, -0.016})
	h.fillLines(h.place(append(crown, back...)), labelHair, anywhere, h.hairBrush(-0.068, 0))
}

// drawLocks lets long hair fall in front of the shoulders.
func (h *head) drawLocks() {
	paint := h.hairBrush(0.02, 0.06)
	for _, side := range []float64{-1, 1} {
		lock := []point{{side * 0.045, -0.045}, {side * 0.062, -0.025}, {side * 0.073, 0.06}, {side * 0.082, 0.15}, {side * 0.080, 0.225}, {side * 0.056, 0.235}, {side * 0.043, 0.16}, {side * 0.046, 0.09}, {side * 0.0475, 0.03}}
		if h.hairStyle == hairWavy {
			lock = []point{{side * 0.045, -0.045}, {side * 0.064, -0.025}, {side * 0.072, 0.035}, {side * 0.086, 0.08}, {side * 0.078, 0.125}, {side * 0.092, 0.17}, {side * 0.066, 0.20}, {side * 0.046, 0.18}, {side * 0.054, 0.13}, {side * 0.044, 0.085}, {side * 0.048, 0.04}}
		}
		h.fillLines(h.place(loop(lock...)), labelHair, anywhere, paint)
	}
}
