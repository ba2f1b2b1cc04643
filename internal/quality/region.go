package quality

// Regions of the frame, as bits of one byte per pixel.
const (
	// inWarped is the warped mask.
	inWarped = 1 << iota
	// inWorn is where the garment is to be seen: in the warped mask and, unless that hides most of it, in the composite mask.
	inWorn
	// inCore is the worn garment less a margin of one unit: free of seams and of blended edges.
	inCore
	// nearWarped is the warped mask with a margin of two units.
	nearWarped
)

// box is a rectangle of pixels, right and bottom exclusive.
type box struct{ left, top, right, bottom int }

func (b box) holds(y, x int) bool { return x >= b.left && x < b.right && y >= b.top && y < b.bottom }

// regions says where the answer's garment is.
type regions struct {
	bits         []uint8
	warped, core int
	// bounds is the box round the warped mask; frame is that box with a margin, where the old garment is taken to have been too.
	bounds, frame box
	// head is the first row that no longer counts as above the garment.
	head int
}

// leastShare of the warped mask must be left by the composite mask: a model's by-product may point out the garment, but not
// excuse that none is there.
const leastShare = 4

// locate fills the regions; without a warped mask they are empty.
func (m *Meter) locate(r *Request, a *Answer) {
	g := &m.regions
	*g = regions{bits: grown(g.bits, r.pixels()), bounds: box{r.Width, r.Height, 0, 0}}
	clear(g.bits)
	seen := 0
	for i, v := range a.WarpedMask {
		if covered(v) {
			g.bits[i] = inWarped
			g.warped++
			if a.CompositeMask != nil && covered(a.CompositeMask[i]) {
				g.bits[i] |= inWorn
				seen++
			}
		}
	}
	if seen*leastShare < g.warped {
		for i, b := range g.bits {
			g.bits[i] = b | b&inWarped*inWorn
		}
	}
	m.margins(r)
	b, margin := g.bounds, 4*r.unit()
	g.head = max(0, b.top-margin/2)
	g.frame = box{b.left - margin, b.top - margin, b.right + margin, b.bottom + margin}
}

// margins finds the warped mask's box and the regions that are a distance away from its edges.
func (m *Meter) margins(r *Request) {
	g, unit := &m.regions, r.unit()
	m.tabulate(r, inWarped)
	for y := range r.Height {
		for x := range r.Width {
			i := y*r.Width + x
			if n, _ := m.table.around(y, x, 2*unit); n > 0 {
				g.bits[i] |= nearWarped
			}
			if g.bits[i]&inWarped != 0 {
				b := &g.bounds
				b.left, b.top, b.right, b.bottom = min(b.left, x), min(b.top, y), max(b.right, x+1), max(b.bottom, y+1)
			}
		}
	}
	m.tabulate(r, inWorn)
	for y := range r.Height {
		for x := range r.Width {
			if n, area := m.table.around(y, x, unit); int(n) == area*inWorn {
				g.bits[y*r.Width+x] |= inCore
				g.core++
			}
		}
	}
}

// tabulate fills the table with one bit of the regions.
func (m *Meter) tabulate(r *Request, bit uint8) {
	m.table.reset(r.Height, r.Width)
	m.line = grown(m.line, r.Width)
	for y := range r.Height {
		for x, b := range m.regions.bits[y*r.Width : (y+1)*r.Width] {
			m.line[x] = uint16(b & bit)
		}
		m.table.row(y, m.line)
	}
}
