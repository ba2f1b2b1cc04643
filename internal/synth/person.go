package synth

import "math"

// drawPerson paints the body in the given garment and leaves labels for every sample.
func drawPerson(c *canvas, b *body, g *garment) {
	s := makeSkeleton(b)
	c.reset(b.backdrop[1], b.view)
	h := &head{canvas: c, body: b, skeleton: s}
	h.drawBackHair()
	drawLegs(c, b, s)
	drawTrousers(c, b, s)
	h.drawNeck()
	w := makeWorn(c, b, s, g)
	w.drawTrunk()
	h.drawFace()
	h.drawFrontHair()
	order := []int{0, 1}
	if b.creases&1 == 1 {
		order[0], order[1] = 1, 0
	}
	for _, side := range order {
		w.drawArm(side)
	}
	drawBackdrop(c, b)
	gain(c, b.gain)
}

// drawBackdrop paints what the person left free; it comes last, because half of it would be painted over.
func drawBackdrop(c *canvas, b *body) {
	free := only(labelBackground)
	c.wash(free, func(y float64) dab {
		dy := (y - b.light.y) * 0.8
		return func(x float64, _ rgb) rgb {
			t := smoothstep(0.05, 0.85, hypot(x-b.light.x, dy))
			return b.backdrop[0].mix(b.backdrop[1], t)
		}
	})
	// The soft shadow that a person leaves on the paper behind.
	c.fillLines(ellipse(point{0.05, 0.72}, 0.26, 0.5, 0), keepLabel, free, func(y float64) dab {
		dy := (y - 0.72) / 0.5
		return func(x float64, under rgb) rgb {
			return under.times(1 - 0.10*smoothstep(0, 1, 1-hypot((x-0.05)/0.26, dy)))
		}
	})
}

// gain is the exposure of the whole photograph.
func gain(c *canvas, g float64) {
	var table [256]uint8
	for i := range table {
		table[i] = toByte(float64(i) / 255 * g)
	}
	for i, v := range c.pix {
		c.pix[i] = table[v]
	}
}

// leg is one leg between its outer and inner edge, as functions of y.
type leg struct {
	outer, inner profile
	side         float64
}

func (l *leg) outline(from, to float64) []point {
	const steps = 24
	out := make([]point, 0, 2*steps+2)
	for i := range steps + 1 {
		y := from + (to-from)*float64(i)/steps
		out = append(out, point{l.side * l.outer.at(y), y})
	}
	for i := steps; i >= 0; i-- {
		y := from + (to-from)*float64(i)/steps
		out = append(out, point{l.side * l.inner.at(y), y})
	}
	return out
}

// across returns, for a line, the position over the leg's width, -1 … 1.
func (l *leg) across(y float64) func(x float64) float64 {
	o, i := l.side*l.outer.at(y), l.side*l.inner.at(y)
	centre, half := (o+i)/2, abs(o-i)/2+1e-9
	return func(x float64) float64 { return clamp((x-centre)/half, -1, 1) }
}

func drawLegs(c *canvas, b *body, _ *skeleton) {
	for i, label := range []uint8{labelRightLeg, labelLeftLeg} {
		l := leg{side: []float64{-1, 1}[i]}
		w := b.hip * b.build
		l.outer = makeProfile(point{0.6, w * 0.97}, point{0.75, w * 0.97}, point{kneeY, 0.098}, point{1.02, 0.104}, point{ankleY, 0.083})
		l.inner = makeProfile(point{0.6, 0.004}, point{0.75, 0.012}, point{kneeY, 0.030}, point{1.02, 0.036}, point{ankleY, 0.046})
		c.fillLines(l.outline(0.62, ankleY), label, anywhere, func(y float64) dab {
			across := l.across(y)
			return func(x float64, _ rgb) rgb { return shadeSkin(b.skin, roundness(across(x))) }
		})
		shoe := ellipse(point{l.side * 0.078, ankleY + 0.02}, 0.042, 0.028, l.side*0.25)
		c.fill(shoe, []uint8{labelRightShoe, labelLeftShoe}[i], anywhere, func(_, y float64, _ rgb) rgb {
			return hex(0x3a3234).times(1.1 - (y-ankleY)*3)
		})
	}
}

// shadeSkin warms lights and shadows, so that skin looks alive instead of grey.
func shadeSkin(skin rgb, light float64) rgb {
	if light >= 1 {
		return skin.mix(rgb{1, 0.96, 0.9}, clamp((light-1)*1.6, 0, 0.5))
	}
	deep := rgb{skin.r * 0.66, skin.g * 0.48, skin.b * 0.44}
	return skin.mix(deep, clamp((1-light)*1.25, 0, 1))
}

func drawTrousers(c *canvas, b *body, s *skeleton) {
	end := ankleY - 0.01
	flare := []float64{0, 0.012, 0.034, 0.024}[b.cut]
	if b.cut == cutShorts {
		end = 0.80
	}
	w := b.hip*b.build + 0.005
	for i, side := range []float64{1, -1} {
		l := leg{side: side}
		l.outer = makeProfile(point{crotchY - 0.03, w}, point{0.76, w + flare*0.4}, point{kneeY, 0.103 + flare}, point{ankleY, 0.095 + flare*1.3})
		l.inner = makeProfile(point{crotchY - 0.03, -0.002}, point{crotchY + 0.02, 0.003}, point{0.76, 0.012 - flare*0.1}, point{kneeY, 0.026 - flare*0.4}, point{ankleY, 0.036 - flare*0.5})
		c.fillLines(l.outline(crotchY-0.03, end), labelPants, anywhere, func(y float64) dab {
			across, cloth := l.across(y), trouserCloth(b, y)
			return func(x float64, _ rgb) rgb { return cloth(x, roundness(across(x))+0.02*float64(i)) }
		})
	}
	drawHips(c, b, s, w)
}

// drawHips paints the part above the legs: waistband, fly, pockets.
func drawHips(c *canvas, b *body, s *skeleton, w float64) {
	const top = 0.535
	waist := s.trunk.at(top) + 0.003
	right := curve(point{waist, top}, point{(waist + w) / 2 * 1.01, 0.565}, point{w, hipY + 0.01}, point{w, crotchY - 0.028})
	outline := symmetric(append(right, point{0, crotchY + 0.012}))
	c.fillLines(outline, labelPants, anywhere, func(y float64) dab {
		cloth, fly := trouserCloth(b, y), smoothstep(crotchY-0.07, crotchY, y)
		return func(x float64, _ rgb) rgb {
			band := y < top+0.028
			if band && b.belt {
				return hex(0x3a2a22).times(roundness(x / w))
			}
			colour := cloth(x, roundness(x/w)-0.10*smoothstep(0.012, 0, abs(x))*fly)
			if band {
				return colour.shadow(0.22)
			}
			return colour
		}
	})
	for _, side := range []float64{-1, 1} {
		pocket := curve(point{side * w * 0.55, top + 0.03}, point{side * w * 0.72, hipY - 0.012}, point{side * w * 0.97, hipY})
		c.fill(ribbon(pocket, 0.0022), keepLabel, only(labelPants), func(_, _ float64, under rgb) rgb { return under.shadow(0.35) })
	}
}

// trouserCloth is the trousers' colour on a line, under some light and with long soft creases.
func trouserCloth(b *body, y float64) func(x, light float64) rgb {
	phase := float64(b.creases%97) / 15
	sway := math.Sin(y*9+phase) * 1.4
	long, crotch := smoothstep(crotchY-0.02, 0.8, y), bell((y-crotchY)/0.035)
	return func(x, light float64) rgb {
		if long > 0 {
			light += 0.035 * math.Sin(x*70+phase+sway) * long
		}
		if crotch > 0 {
			light += 0.05 * math.Sin(y*60-abs(x)*55+phase) * crotch
		}
		if light >= 1 {
			return b.trousers.times(min(light, 1.12))
		}
		return b.trousers.shadow(clamp((1-light)*1.5, 0, 1))
	}
}
