package quality

import (
	"errors"
	"fmt"
)

// ErrShape says that tensors do not have the size that they claim, or one that is out of bounds.
var ErrShape = errors.New("tensors are not of the size they claim")

// The sides of a picture in pixels, as serving signature tryon/v1 has them.
const (
	minSide = 8
	maxSide = 4096
)

// Request is what was asked: packed rows of 8-bit pixels, all of one size.
type Request struct {
	Height, Width int
	// Person and Garment have 3 channels.
	Person, Garment []byte
	// GarmentMask has 1 channel; from 128 a pixel is the garment.
	GarmentMask []byte
}

// Answer is what a model made of a request, at the request's size.
type Answer struct {
	// Image has 3 channels.
	Image []byte
	// WarpedMask and CompositeMask are by-products of 1 channel; nil where the model gives none.
	WarpedMask, CompositeMask []byte
}

// check refuses sizes out of bounds before anything is computed with them.
func (r *Request) check() error {
	if r.Height < minSide || r.Width < minSide || r.Height > maxSide || r.Width > maxSide {
		return fmt.Errorf("%w: %dx%d is outside %d..%d", ErrShape, r.Height, r.Width, minSide, maxSide)
	}
	n := r.pixels()
	return errors.Join(sized("person", r.Person, 3*n), sized("garment", r.Garment, 3*n), sized("garment mask", r.GarmentMask, n))
}

func (r *Request) pixels() int { return r.Height * r.Width }

// unit is the pixels that one pixel of a 64 pixel high picture covers: distances here are meant at that height, so that the
// proxies mean the same at every resolution.
func (r *Request) unit() int { return max(1, (r.Height+32)/64) }

func (a *Answer) check(pixels int) error {
	return errors.Join(sized("image", a.Image, 3*pixels), byproduct("warped mask", a.WarpedMask, pixels), byproduct("composite mask", a.CompositeMask, pixels))
}

func byproduct(name string, tensor []byte, want int) error {
	if tensor == nil {
		return nil
	}
	return sized(name, tensor, want)
}

func sized(name string, tensor []byte, want int) error {
	if len(tensor) != want {
		return fmt.Errorf("%w: %s has %d bytes, want %d", ErrShape, name, len(tensor), want)
	}
	return nil
}

// coveredBit is set in the mask's pixels that count as inside, those from 128.
const coveredBit = 0x80

func covered(mask uint8) bool { return mask&coveredBit != 0 }

// apart is the sum over the channels of how far two pixels differ, 0 … 3*255.
func apart(a, b []byte) int {
	r, g, bb := int(a[0])-int(b[0]), int(a[1])-int(b[1]), int(a[2])-int(b[2])
	return max(r, -r) + max(g, -g) + max(bb, -bb)
}

// wholly is the largest value of apart, which normalises it.
const wholly = 3 * 255
