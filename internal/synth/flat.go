package synth

// photographGrey is the uniform background of flat garment pictures, as in VITON-HD.
var photographGrey = rgb{246.0 / 255, 246.0 / 255, 246.0 / 255}

// canonicalBody is whom a garment is photographed on; nothing of it is seen.
func canonicalBody(g *garment) *body {
	spread := []float64{0, 34, 27, 13}[g.sleeve]
	return &body{
		build: 1, shoulder: 0.119, waist: 0.090, hip: 0.111,
		arms: [2]arm{{spread, -1.5}, {spread, -1.5}},
	}
}

// drawFlat paints the garment alone, centred and clear of the frame. aspect is width over height.
func drawFlat(c *canvas, g *garment, aspect float64) {
	b := canonicalBody(g)
	s := makeSkeleton(b)
	w := &worn{body: b, bones: s, garment: g, flat: true, hemY: g.length, creasing: 0.5}
	loose := *g
	loose.loose = 0.5 + g.loose/2
	w.cloth = drape(s, &loose)
	w.canvas = c
	c.reset(photographGrey, w.frame(aspect))
	if g.sleeve != sleeveNone {
		for i, l := range s.arms {
			side := []float64{-1, 1}[i]
			c.fillTube(w.sleeveTube(l), anywhere, w.paintSleeve(side))
		}
	}
	if g.neck != neckHigh {
		w.drawBackNeck()
	}
	w.drawTrunk()
}

// frame chooses zoom and offset so that the garment fills the picture up to a margin.
func (w *worn) frame(aspect float64) view {
	const margin, largest = 0.065, 2.1
	low, high := point{0, 0.24}, point{w.cloth.at(w.hemY), w.hemY + 0.016}
	if w.garment.neck == neckHigh {
		low.y = 0.225
	}
	if w.garment.sleeve != sleeveNone {
		t := w.sleeveTube(w.bones.arms[1])
		end := w.garment.sleeveEnd
		last := t.start.to(t.joint, min(end+0.05, 1))
		if end > 1 {
			last = t.joint.to(t.end, end-0.95)
		}
		high.x = max(high.x, last.x+t.radius[1]*0.9)
		high.y = max(high.y, last.y+t.radius[2])
	}
	zoom := min((1-2*margin)/(high.y-low.y), (1-2*margin)*aspect/(2*high.x))
	zoom = min(zoom, largest)
	return view{zoom: zoom, dy: 0.5/zoom - (low.y+high.y)/2}
}
