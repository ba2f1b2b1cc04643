package picture

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
)

// Errors of the input gate.
var (
	// ErrBlank says that a picture shows next to nothing.
	ErrBlank = errors.New("the picture is blank")
	// ErrTooSmall says that a picture has too few pixels.
	ErrTooSmall = errors.New("the picture is too small")
	// ErrMask says that a given mask does not fit its garment.
	ErrMask = errors.New("the mask does not fit the garment")
)

// leastSide is the smallest side of a picture, and leastContrast the standard deviation of luminance below which it is blank, in levels.
const (
	leastSide     = 32
	leastContrast = 4.0
)

var white = color.RGBA{255, 255, 255, 255}

// Inputs are one row of the serving signature, and what the way back needs.
type Inputs struct {
	Signature                    oip.Signature
	Person, Garment, GarmentMask []byte
	// Content is where the photo lies in the network's picture.
	Content image.Rectangle
}

// Prepare makes the model's input from upright pictures; mask is nil when none was given. The person and the garment may be changed.
// Errors wrap ErrBlank, ErrTooSmall, ErrMask or ErrNotPlain.
func Prepare(s oip.Signature, person, garment, mask *image.RGBA) (Inputs, error) {
	in := Inputs{Signature: s}
	if err := gate("the person's photo", person); err != nil {
		return in, err
	}
	if err := gate("the garment's picture", garment); err != nil {
		return in, err
	}
	imaging.Flatten(person, white)
	boxed, content := imaging.LetterboxRGBA(person, s.Width, s.Height, frameColour(person))
	in.Content = content
	in.Person = rgb(boxed)
	if contrast(boxed, content) < leastContrast {
		return in, fmt.Errorf("%w: the person's photo is of one colour", ErrBlank)
	}
	return in, in.garment(garment, mask)
}

func gate(what string, img *image.RGBA) error {
	if w, h := img.Rect.Dx(), img.Rect.Dy(); w < leastSide || h < leastSide {
		return fmt.Errorf("%w: %s has %dx%d pixels, %d a side are the least", ErrTooSmall, what, w, h, leastSide)
	}
	return nil
}

// leastPaper is the level from which a background is as light as the ones that models are trained with.
const leastPaper = 225

// whiten replaces what is not garment.
func whiten(img *image.RGBA, mask []byte) {
	for i, m := range mask {
		if m == 0 {
			copy(img.Pix[4*i:4*i+4], []byte{255, 255, 255, 255})
		}
	}
}

// garment puts the garment on a light background, as catalogues and training data have it, with its mask.
func (in *Inputs) garment(garment, mask *image.RGBA) error {
	s := in.Signature
	// Masks are found at twice the network's size: enough for clean edges, and the same work for every upload.
	work := garment
	if w, h := garment.Rect.Dx(), garment.Rect.Dy(); w > 2*s.Width || h > 2*s.Height {
		fit := imaging.FitInside(w, h, 2*s.Width, 2*s.Height)
		work = imaging.ResizeRGBA(garment, fit.Dx(), fit.Dy())
	}
	if mask == nil && work.Opaque() && contrast(work, work.Rect) < leastContrast {
		return fmt.Errorf("%w: the garment's picture is of one colour", ErrBlank)
	}
	found, err := garmentMask(work, mask, garment.Rect)
	if err != nil {
		return err
	}
	imaging.Flatten(work, white)
	pad := frameColour(work)
	if min(pad.R, pad.G, pad.B) < leastPaper {
		pad = white
		whiten(work, found)
	}
	boxed, content := imaging.LetterboxRGBA(work, s.Width, s.Height, pad)
	in.Garment = rgb(boxed)
	in.GarmentMask = boxMask(found, work.Rect.Dx(), work.Rect.Dy(), s, content)
	return nil
}

func garmentMask(work, mask *image.RGBA, sent image.Rectangle) ([]byte, error) {
	if mask != nil {
		return fittedMask(work, mask, sent)
	}
	if !work.Opaque() {
		found := maskFromAlpha(work)
		return found, checkCoverage(found)
	}
	return DeriveMask(work)
}

// fittedMask brings a mask to the size that is worked on; sent is the garment's size as it came, the one that its sender knows.
func fittedMask(work, mask *image.RGBA, sent image.Rectangle) ([]byte, error) {
	w, h := sent.Dx(), sent.Dy()
	mw, mh := mask.Rect.Dx(), mask.Rect.Dy()
	// The same proportions within two percent; the pixels may be fewer or more.
	if d := w*mh - h*mw; 50*max(d, -d) > w*mh {
		return nil, fmt.Errorf("%w: it has %dx%d pixels, want %dx%d like the garment, or more or fewer of the same proportions", ErrMask, mw, mh, w, h)
	}
	found := maskFromPicture(imaging.ResizeRGBA(mask, work.Rect.Dx(), work.Rect.Dy()))
	return found, checkCoverage(found)
}

func checkCoverage(mask []byte) error {
	n := (grid{pix: mask}).count()
	if n*100 < len(mask) || n == len(mask) {
		return fmt.Errorf("%w: it covers %d of %d pixels", ErrMask, n, len(mask))
	}
	return nil
}

// boxMask scales a mask the way its picture was scaled, and makes it binary again.
func boxMask(mask []byte, w, h int, s oip.Signature, content image.Rectangle) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, m := range mask {
		copy(img.Pix[4*i:4*i+4], []byte{m, m, m, 255})
	}
	scaled := imaging.ResizeRGBA(img, content.Dx(), content.Dy())
	out := make([]byte, s.Width*s.Height)
	for y := range content.Dy() {
		for x := range content.Dx() {
			if scaled.Pix[y*scaled.Stride+4*x] >= 128 {
				out[(y+content.Min.Y)*s.Width+x+content.Min.X] = 255
			}
		}
	}
	return out
}

// rgb drops the fourth channel.
func rgb(img *image.RGBA) []byte {
	out := make([]byte, 0, 3*img.Rect.Dx()*img.Rect.Dy())
	for i := 0; i < len(img.Pix); i += 4 {
		out = append(out, img.Pix[i], img.Pix[i+1], img.Pix[i+2])
	}
	return out
}

// FromRGB makes a picture of h rows and w columns from packed RGB.
func FromRGB(pix []byte, h, w int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		copy(img.Pix[4*i:], pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img
}

// frameColour is the mean colour of a picture's frame: the least visible padding.
func frameColour(img *image.RGBA) color.RGBA {
	g := grid{w: img.Rect.Dx(), h: img.Rect.Dy()}
	frame := frameOf(g)
	var sum [3]int
	for _, i := range frame {
		for c, v := range rgbAt(img, i) {
			sum[c] += v
		}
	}
	n := len(frame)
	return color.RGBA{byte(sum[0] / n), byte(sum[1] / n), byte(sum[2] / n), 255}
}

// Crop copies a part of a picture.
func crop(img *image.RGBA, r image.Rectangle) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	draw.Draw(out, out.Rect, img, r.Min, draw.Src)
	return out
}
