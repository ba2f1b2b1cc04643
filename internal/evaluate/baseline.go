package evaluate

import (
	"image"
	"math"
)

// Baselines by name.
const (
	// BaselineCopy answers with the person's photo unchanged.
	BaselineCopy = "copy-person"
	// BaselinePaste lays the flat garment on the torso.
	BaselinePaste = "paste-garment"
)

// box is a rectangle in pixels with fractions.
type box struct{ x0, y0, x1, y1 float64 }

// paste lays the flat garment, with its mask as alpha, on the person's torso: scaled and placed from shoulders and hips, or
// onto the old garment where the pose is unseen.
func paste(p *pictures) *image.RGBA {
	out := image.NewRGBA(p.person.Rect)
	copy(out.Pix, p.person.Pix)
	w, h := out.Rect.Dx(), out.Rect.Dy()
	from, ok := bounds(w, func(i int) bool { return p.mask[i] >= 128 }, len(p.mask))
	to, torso := target(p)
	if !ok || !torso {
		return out
	}
	// One scale for both directions: a garment keeps its proportions.
	scale := (to.y1 - to.y0) / (from.y1 - from.y0)
	centreFrom, centreTo := (from.x0+from.x1)/2, (to.x0+to.x1)/2
	for y := range h {
		for x := range w {
			sx := (float64(x)+0.5-centreTo)/scale + centreFrom - 0.5
			sy := (float64(y)+0.5-to.y0)/scale + from.y0 - 0.5
			blend(out, p, image.Pt(x, y), sx, sy)
		}
	}
	return out
}

// blend mixes one pixel of the garment, sampled bilinearly at sx, sy, into out.
func blend(out *image.RGBA, p *pictures, at image.Point, sx, sy float64) {
	w, h := out.Rect.Dx(), out.Rect.Dy()
	if sx < 0 || sy < 0 || sx > float64(w-1) || sy > float64(h-1) {
		return
	}
	x0, y0 := int(sx), int(sy)
	x1, y1 := min(x0+1, w-1), min(y0+1, h-1)
	fx, fy := sx-float64(x0), sy-float64(y0)
	corners := [4]struct {
		i      int
		weight float64
	}{{y0*w + x0, (1 - fx) * (1 - fy)}, {y0*w + x1, fx * (1 - fy)}, {y1*w + x0, (1 - fx) * fy}, {y1*w + x1, fx * fy}}
	alpha, colour := 0.0, [3]float64{}
	for _, c := range corners {
		a := c.weight * float64(p.mask[c.i]) / 255
		alpha += a
		for k := range colour {
			colour[k] += a * float64(p.garment.Pix[4*c.i+k])
		}
	}
	pixel := out.Pix[at.Y*out.Stride+4*at.X:][:3]
	for k := range pixel {
		pixel[k] = uint8(math.Round(colour[k] + (1-alpha)*float64(pixel[k])))
	}
}

// target is where the garment's body belongs: from a little above the shoulders to a little below the hips.
func target(p *pictures) (box, bool) {
	if !p.pose.complete() {
		return bounds(p.person.Rect.Dx(), func(i int) bool { return p.oldGarment[i] }, len(p.oldGarment))
	}
	shoulder := (p.pose.rightShoulder.y + p.pose.leftShoulder.y) / 2
	hip := (p.pose.rightHip.y + p.pose.leftHip.y) / 2
	centre := (p.pose.rightShoulder.x + p.pose.leftShoulder.x + p.pose.rightHip.x + p.pose.leftHip.x) / 4
	torso := hip - shoulder
	if !(torso >= 1) {
		return box{}, false
	}
	const above, below = 0.14, 0.06
	return box{centre, shoulder - above*torso, centre, hip + below*torso}, true
}

// bounds is the box around the pixels of n for which in is true.
func bounds(width int, in func(i int) bool, n int) (box, bool) {
	b, found := box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}, false
	for i := range n {
		if !in(i) {
			continue
		}
		x, y := float64(i%width), float64(i/width)
		b = box{min(b.x0, x), min(b.y0, y), max(b.x1, x+1), max(b.y1, y+1)}
		found = true
	}
	return b, found
}
