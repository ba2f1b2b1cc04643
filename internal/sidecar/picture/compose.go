package picture

import (
	"errors"
	"image"
	"image/draw"
	"math"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
)

// ErrEmptyResult says that the model's picture shows next to nothing: a black or grey frame.
var ErrEmptyResult = errors.New("the model's picture is empty")

// Scores are cheap proxies of one answer's quality. They find gross faults; they are not a quality score.
type Scores struct {
	// WarpAreaRatio is the warped garment's area over the flat garment's; far from the usual values the warp has collapsed or exploded.
	WarpAreaRatio float64 `json:"warp_area_ratio"`
	// OutsideChange is the share of pixels away from the warped garment that the model changed by more than 8 %.
	OutsideChange float64 `json:"outside_change"`
	// Changed is the share of the photo that the reply takes from the model.
	Changed float64 `json:"changed"`
}

// changeLevel is the difference in one channel that counts as a change: 8 % of 255.
const changeLevel = 20

// Compose lays what the try-on changed over the photo, at the photo's resolution; the photo itself is changed and returned.
// The error is ErrEmptyResult.
func Compose(photo *image.RGBA, in Inputs, out oip.Result) (*image.RGBA, Scores, error) {
	s := in.Signature
	answer := FromRGB(out.Image, s.Height, s.Width)
	if contrast(answer, in.Content) < leastContrast {
		return nil, Scores{}, ErrEmptyResult
	}
	changed := changes(in, out)
	scores := Scores{WarpAreaRatio: areaRatio(out.WarpedMask, in.GarmentMask), OutsideChange: outsideChange(in, out)}
	alpha := feather(changed)
	scores.Changed = share(alpha, in.Content)
	overlay(photo, answer, alpha, in.Content)
	return photo, scores, nil
}

func levelAt(a, b []byte, i int) int {
	d := 0
	for c := 3 * i; c < 3*i+3; c++ {
		d = max(d, int(a[c])-int(b[c]), int(b[c])-int(a[c]))
	}
	return d
}

// changes marks the pixels that belong to the try-on: the warped garment, and whatever else changed and connects to it (bared arms, the rest of
// the old garment). It does not climb above the garment by more than a collar, so a generator that redraws the face does not reach the reply.
func changes(in Inputs, out oip.Result) grid {
	s := in.Signature
	g := newGrid(s.Width, s.Height)
	differs := newGrid(s.Width, s.Height)
	var seeds []int
	top := s.Height
	for i := range g.pix {
		differs.pix[i] = byte(min(255, levelAt(out.Image, in.Person, i)))
		if max(out.WarpedMask[i], out.CompositeMask[i]) >= 128 {
			g.pix[i] = 255
			seeds = append(seeds, i)
			top = min(top, i/s.Width)
		}
	}
	// Single noisy pixels neither start nor bridge a region.
	differs = differs.blur(1)
	near := g.spread(1)
	highest := top - max(1, s.Height*3/100)
	open := func(i int) bool {
		return g.pix[i] != 0 || i/s.Width >= highest && (differs.pix[i] > changeLevel || near.pix[i] != 0)
	}
	grown := newGrid(s.Width, s.Height)
	grown.flood(seeds, open, func(i int) { grown.pix[i] = 255 })
	return grown
}

// feather softens the border outwards, so that the region itself stays whole.
func feather(g grid) grid {
	r := max(1, g.h/160)
	return g.spread(r).blur(r)
}

func share(g grid, content image.Rectangle) float64 {
	sum := 0
	for y := content.Min.Y; y < content.Max.Y; y++ {
		for x := content.Min.X; x < content.Max.X; x++ {
			sum += int(g.pix[y*g.w+x])
		}
	}
	return float64(sum) / 255 / float64(content.Dx()*content.Dy())
}

// overlay scales the changed part alone to the photo's resolution and lays it over.
func overlay(photo, answer *image.RGBA, alpha grid, content image.Rectangle) {
	patch := image.NewRGBA(answer.Rect)
	box := image.Rectangle{}
	for i, a := range alpha.pix {
		if a == 0 {
			continue
		}
		x, y := i%alpha.w, i/alpha.w
		box = box.Union(image.Rect(x, y, x+1, y+1))
		for c := range 3 {
			patch.Pix[4*i+c] = byte((int(answer.Pix[4*i+c])*int(a) + 127) / 255)
		}
		patch.Pix[4*i+3] = a
	}
	box = box.Intersect(content)
	if box.Empty() {
		return
	}
	// From network pixels to photo pixels; one pixel of margin keeps the interpolated border.
	w, h := photo.Rect.Dx(), photo.Rect.Dy()
	area := image.Rect(
		(box.Min.X-1-content.Min.X)*w/content.Dx(), (box.Min.Y-1-content.Min.Y)*h/content.Dy(),
		(box.Max.X+1-content.Min.X)*w/content.Dx()+1, (box.Max.Y+1-content.Min.Y)*h/content.Dy()+1,
	).Intersect(photo.Rect)
	scaled := image.NewRGBA(area)
	imaging.Scale(scaled, w, h, crop(patch, content))
	draw.Draw(photo, area, scaled, area.Min, draw.Over)
}

func areaRatio(warped, flat []byte) float64 {
	a, b := (grid{pix: warped}).count(), (grid{pix: flat}).count()
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func outsideChange(in Inputs, out oip.Result) float64 {
	s := in.Signature
	near := grid{s.Width, s.Height, out.WarpedMask}.spread(max(2, s.Height/32))
	outside, moved := 0, 0
	for y := in.Content.Min.Y; y < in.Content.Max.Y; y++ {
		for x := in.Content.Min.X; x < in.Content.Max.X; x++ {
			i := y*s.Width + x
			if near.pix[i] >= 128 {
				continue
			}
			outside++
			if levelAt(out.Image, in.Person, i) > changeLevel {
				moved++
			}
		}
	}
	if outside == 0 {
		return 0
	}
	return float64(moved) / float64(outside)
}

// contrast is the standard deviation of luminance within a part of a picture, in levels.
func contrast(img *image.RGBA, r image.Rectangle) float64 {
	var n, sum, squares float64
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			p := img.Pix[y*img.Stride+4*x:]
			l := 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
			n, sum, squares = n+1, sum+l, squares+l*l
		}
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(max(0, squares/n-sum/n*sum/n))
}
