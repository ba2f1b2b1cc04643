package datatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/imaging"
)

// artefact is one file of a row as it was read.
type artefact struct {
	file dataset.File
	body []byte
	// err says why the file could not be read or decoded, nil for what decodes.
	err  error
	info imaging.PhotoInfo
	// raw is the picture as stored, nil for documents.
	raw image.Image
	rgb *image.RGBA
	// deviation of the luma, in levels; of persons and garments only.
	deviation float64
}

// sample is one row: what is filed under one stem. Roles that are missing are nil.
type sample struct {
	split, stem string
	files       map[dataset.Role]*artefact
	labels      []uint8
	pose        *pose
	// mask holds the garment mask's values; usable tells whether it is one: binary, with the garment in white.
	mask   []uint8
	usable bool
}

// good gives an artefact that was read and decoded, or nil.
func (s *sample) good(role dataset.Role) *artefact {
	if a := s.files[role]; a != nil && a.err == nil {
		return a
	}
	return nil
}

// key names a row before it is read.
type key struct {
	split, stem string
	files       map[dataset.Role]dataset.File
}

// read reads a row and the headers of its pictures. Only errors of the world are returned; what is wrong with the data stays in the artefacts.
func (r *run) read(ctx context.Context, k key) (*sample, error) {
	s := &sample{split: k.split, stem: k.stem, files: make(map[dataset.Role]*artefact, len(k.files))}
	for role, f := range k.files {
		a := &artefact{file: f}
		a.body, a.err = dataset.ReadVerified(ctx, r.source, f, dataset.MaxPictureBytes)
		if a.err != nil && !dataFault(a.err) {
			return nil, a.err
		}
		if a.err == nil && role != dataset.RolePose {
			a.info, a.err = imaging.PhotoHeader(a.body, imaging.PhotoLimits{})
		}
		s.files[role] = a
	}
	return s, nil
}

// lumaBytes is what a pixel of a picture's luma takes.
const lumaBytes = 8

// memory is what the decoded pictures take, with what the checks make of one, in bytes.
func (s *sample) memory() int64 {
	var sum int64
	for role, a := range s.files {
		if role != dataset.RolePose && a.err == nil {
			sum += a.info.Memory() + lumaBytes*int64(a.info.Width)*int64(a.info.Height)
		}
	}
	return sum
}

// decode decodes the pictures that have a header, and prepares what several checks look at.
func (s *sample) decode() {
	for role, a := range s.files {
		if role != dataset.RolePose && a.err == nil {
			a.decode()
		}
	}
	if a := s.good(dataset.RoleParse); a != nil {
		s.labels = Labels(a.raw)
	}
	if a := s.good(dataset.RoleMask); a != nil {
		s.mask = maskOf(a)
		_, inverted := a.inverted(s.mask)
		s.usable = greyShare(s.mask) < mostGrey && !inverted
	}
	for _, role := range []dataset.Role{dataset.RolePerson, dataset.RoleGarment} {
		if a := s.good(role); a != nil {
			_, a.deviation = imaging.Luma(a.rgb).Deviation()
		}
	}
	if a := s.good(dataset.RolePose); a != nil {
		s.pose, a.err = decodePose(a.body)
	}
}

// dataFault tells errors that the data is to blame for from those of disks and networks.
func dataFault(err error) bool {
	for _, fault := range []error{dataset.ErrChanged, dataset.ErrNotFound, dataset.ErrTooLarge, dataset.ErrIrregular} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}

func (a *artefact) decode() {
	if a.raw, a.info, a.err = Decode(a.body); a.err == nil {
		a.rgb = imaging.ToRGBA(a.raw)
	}
}

// Decode keeps the stored form of a picture, which imaging.DecodePhoto does not: whether a map has a palette is what some checks ask.
// Every error is the picture's own.
func Decode(body []byte) (image.Image, imaging.PhotoInfo, error) {
	info, err := imaging.PhotoHeader(body, imaging.PhotoLimits{})
	if err != nil {
		return nil, info, err
	}
	decode := png.Decode
	if info.Format == "jpeg" {
		decode = jpeg.Decode
	}
	raw, err := decode(bytes.NewReader(body))
	if err != nil {
		return nil, info, fmt.Errorf("%w: %w", imaging.ErrDamaged, err)
	}
	return raw, info, nil
}

// Labels gives the class ids of a parse map, nil for a picture that holds colours instead.
func Labels(raw image.Image) []uint8 {
	switch m := raw.(type) {
	case *image.Paletted:
		return rows(m.Pix, m.Stride, m.Rect)
	case *image.Gray:
		return rows(m.Pix, m.Stride, m.Rect)
	}
	return nil
}

func rows(pix []uint8, stride int, r image.Rectangle) []uint8 {
	if stride == r.Dx() {
		return pix
	}
	out := make([]uint8, 0, r.Dx()*r.Dy())
	for y := range r.Dy() {
		out = append(out, pix[y*stride:y*stride+r.Dx()]...)
	}
	return out
}

// maskOf gives the values of a mask, 0 to 255, whatever its mode.
func maskOf(a *artefact) []uint8 {
	if g, ok := a.raw.(*image.Gray); ok {
		return rows(g.Pix, g.Stride, g.Rect)
	}
	luma := imaging.Luma(a.rgb)
	out := make([]uint8, len(luma.V))
	for i, v := range luma.V {
		out[i] = uint8(v + 0.5)
	}
	return out
}
