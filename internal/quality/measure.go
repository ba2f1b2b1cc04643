package quality

import (
	"errors"
	"math"
)

// Meter measures answers; it keeps its memory, so that measuring at an unchanged size allocates nothing. It is not for
// concurrent use.
type Meter struct {
	regions regions
	table   table
	line    []uint16
	diff    []uint16 // apart between photo and answer

	worn, before, flat colours
}

// leastArea is the share of the frame (1 in so many pixels) below which a garment is too small to be judged.
const leastArea = 400

// changed is the mean difference from which a pixel is visibly another, of 255: 8 %.
const changed = 20

// Measure computes the proxies. What a missing by-product, an empty mask or a garment without a place above it leaves
// unknown is not measured. Errors wrap ErrShape.
func (m *Meter) Measure(r Request, a Answer) (Scores, error) {
	if err := errors.Join(r.check(), a.check(r.pixels())); err != nil {
		return Scores{}, err
	}
	var s Scores
	m.wholeFrame(&r, &a, &s)
	m.locate(&r, &a)
	m.aroundGarment(&r, &s)
	flat := area(r.GarmentMask)
	haveFlat := flat*leastArea >= r.pixels()
	if haveFlat && a.WarpedMask != nil {
		s.set(WarpAreaRatio, min(4, float64(m.regions.warped)/float64(flat)))
	}
	if m.regions.warped*leastArea < r.pixels() {
		return s, nil
	}
	m.aboveGarment(&r, &s)
	m.skinLost(&r, &a, &s)
	if m.regions.core*leastArea >= r.pixels() {
		m.insideGarment(&r, &a, &s, haveFlat)
	}
	return s, nil
}

func area(mask []byte) int {
	n := 0
	for _, v := range mask {
		n += int(v >> 7)
	}
	return n
}

// wholeFrame measures what needs no by-product, and keeps the differences for the others.
func (m *Meter) wholeFrame(r *Request, a *Answer, s *Scores) {
	m.diff = grown(m.diff, r.pixels())
	sum := 0
	var before, after moments
	for i := range m.diff {
		p, o := r.Person[3*i:3*i+3:3*i+3], a.Image[3*i:3*i+3:3*i+3]
		d := apart(p, o)
		m.diff[i] = uint16(d)
		sum += d
		before.add(luma(p))
		after.add(luma(o))
	}
	s.setMean(FrameDiff, sum, wholly*len(m.diff))
	s.set(Dark, lost(before.mean(), after.mean()))
	s.set(Flat, lost(math.Sqrt(before.variance()), math.Sqrt(after.variance())))
}

// lost is the share of a positive quantity that is gone.
func lost(before, after float64) float64 {
	if after >= before {
		return 0
	}
	return 1 - after/before
}

// luma is the BT.601 luma in 1/256 levels.
func luma(pixel []byte) int { return 77*int(pixel[0]) + 150*int(pixel[1]) + 29*int(pixel[2]) }

// moments are exact in 64 bits: 2^24 pixels with values of at most 4 times 2^16, those of a Laplacian, stay below 2^60.
type moments struct{ n, sum, squares int }

func (m *moments) add(v int) { m.n, m.sum, m.squares = m.n+1, m.sum+v, m.squares+v*v }

func (m *moments) mean() float64 { return float64(m.sum) / float64(max(1, m.n)) }

func (m *moments) variance() float64 {
	mean := m.mean()
	return max(0, float64(m.squares)/float64(max(1, m.n))-mean*mean)
}

// aroundGarment measures the border, and with a warped mask what changed outside the garment's box.
func (m *Meter) aroundGarment(r *Request, s *Scores) {
	g, rim, known := &m.regions, 2*r.unit(), m.regions.warped > 0
	var border, borderPixels, outside, outsideChanged int
	for y := range r.Height {
		for x := range r.Width {
			i, d := y*r.Width+x, int(m.diff[y*r.Width+x])
			if (y < rim || x < rim || y >= r.Height-rim || x >= r.Width-rim) && (!known || g.bits[i]&nearWarped == 0) {
				border += d
				borderPixels += wholly
			}
			if known && !g.frame.holds(y, x) {
				outside++
				if d > 3*changed {
					outsideChanged++
				}
			}
		}
	}
	s.setMean(BorderDiff, border, borderPixels)
	s.setMean(OutsideChange, outsideChanged, outside)
}

// aboveGarment compares what is above the garment: head, hair and the background beside them.
func (m *Meter) aboveGarment(r *Request, s *Scores) {
	head, radius := m.regions.head, r.unit()
	if head <= 2*radius {
		return
	}
	sum := 0
	for _, d := range m.diff[:head*r.Width] {
		sum += int(d)
	}
	s.setMean(FaceBandDiff, sum, wholly*head*r.Width)
	m.table.reset(r.Height, r.Width)
	for y := range head {
		m.table.row(y, m.diff[y*r.Width:(y+1)*r.Width])
	}
	most := 0.0
	for y := radius; y < head-radius; y++ {
		for x := radius; x < r.Width-radius; x++ {
			n, area := m.table.around(y, x, radius)
			most = max(most, float64(n)/float64(area*wholly))
		}
	}
	s.set(HeadMax, most)
}

// insideGarment compares the worn garment with what was there before and with the flat one.
func (m *Meter) insideGarment(r *Request, a *Answer, s *Scores, haveFlat bool) {
	g := &m.regions
	m.worn, m.before, m.flat = colours{}, colours{}, colours{}
	sum := 0
	for i, b := range g.bits {
		if b&inCore == 0 {
			continue
		}
		sum += int(m.diff[i])
		m.worn.add(a.Image[3*i : 3*i+3])
		m.before.add(r.Person[3*i : 3*i+3])
	}
	s.set(NoEffect, 1-float64(sum)/float64(g.core*wholly))
	if !haveFlat {
		return
	}
	for i, v := range r.GarmentMask {
		if covered(v) {
			m.flat.add(r.Garment[3*i : 3*i+3])
		}
	}
	alike := m.worn.intersection(&m.flat)
	s.set(HistDistGarment, 1-alike)
	s.set(OldHistAffinity, m.worn.intersection(&m.before)-alike)
	s.set(MeanColourDist, m.worn.meanDistance(&m.flat))
	worn := sharpness(a.Image, r.Width, g.bits, inCore)
	flat := sharpness(r.Garment, r.Width, r.GarmentMask, coveredBit)
	s.set(SharpDrop, (flat-worn)/(flat+worn+1))
}

// sharpness is the variance of the luma's Laplacian (4-neighbour) over pixels that have the bit with all four neighbours: the
// garment's outline is no texture.
func sharpness(pixels []byte, width int, flags []uint8, bit uint8) float64 {
	var all moments
	for i := width; i < len(flags)-width; i++ {
		if flags[i]&flags[i-1]&flags[i+1]&flags[i-width]&flags[i+width]&bit == 0 {
			continue
		}
		if x := i % width; x == 0 || x == width-1 {
			continue
		}
		at := func(k int) int { return luma(pixels[3*k : 3*k+3]) }
		all.add(at(i-1) + at(i+1) + at(i-width) + at(i+width) - 4*at(i))
	}
	return all.variance() / (256 * 256)
}
