package quality

// alike is how far apart two pixels of one person's skin may be: light falls off round an arm by about a third.
const alike = 3 * 34

// leastSkin is the share of the frame (1 in so many pixels) that has to be skin for its loss to be judged.
const leastSkin = 250

// skinLost looks for pixels below the head and away from the garment that had the colour of the person's skin and have not
// any more. The colour is the person's own, so that no assumption about anybody's is built in: the median of what is just
// above the garment's middle, neck and chin.
func (m *Meter) skinLost(r *Request, a *Answer, s *Scores) {
	g, unit := &m.regions, r.unit()
	middle := (g.bounds.left + g.bounds.right) / 2
	chin := box{max(0, middle-2*unit), max(0, g.head-6*unit), min(r.Width, middle+2*unit), g.head}
	if chin.bottom-chin.top < unit || chin.right <= chin.left {
		return
	}
	skin := median(r.Person, r.Width, chin)
	paper := median(r.Person, r.Width, box{0, 0, r.Width, unit})
	if apart(skin[:], paper[:]) < alike/2 {
		return
	}
	is := func(pixel []byte) bool {
		d := apart(pixel, skin[:])
		return d < alike && d < apart(pixel, paper[:])
	}
	had, gone := 0, 0
	for i := g.bounds.top * r.Width; i < r.pixels(); i++ {
		if g.bits[i]&nearWarped != 0 || !is(r.Person[3*i:3*i+3]) {
			continue
		}
		had++
		if !is(a.Image[3*i : 3*i+3]) {
			gone++
		}
	}
	if had*leastSkin >= r.pixels() {
		s.setMean(SkinLost, gone, had)
	}
}

// median is the median of each channel in a box that holds pixels.
func median(pixels []byte, width int, where box) (out [3]byte) {
	var counts [3][256]int
	for y := where.top; y < where.bottom; y++ {
		for x := where.left; x < where.right; x++ {
			for k := range 3 {
				counts[k][pixels[3*(y*width+x)+k]]++
			}
		}
	}
	half := (where.bottom - where.top) * (where.right - where.left) / 2
	for k := range out {
		below := 0
		for v, n := range counts[k] {
			if below += n; below > half {
				out[k] = byte(v)
				break
			}
		}
	}
	return out
}
