package evaluate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
)

// upperGarment are the LIP labels of what is worn on the upper body: upper clothes, dress, coat.
var upperGarment = [256]bool{5: true, 6: true, 7: true}

// pictures are the decoded files of a case, all of one size.
type pictures struct {
	person, garment, truth *image.RGBA
	// mask is the garment's, one byte a pixel.
	mask []byte
	// oldGarment and newGarment are where the garments are worn before and after.
	oldGarment, newGarment []bool
	pose                   pose
}

// region is where a try-on may change anything: the union of old and new garment.
func (p *pictures) region() []bool {
	out := make([]bool, len(p.oldGarment))
	for i := range out {
		out[i] = p.oldGarment[i] || p.newGarment[i]
	}
	return out
}

// load reads and decodes a case. Everything must have the model's size.
func load(ctx context.Context, source dataset.Source, c testCase, s oip.Signature) (*pictures, error) {
	p := &pictures{}
	photos := []struct {
		file dataset.File
		into **image.RGBA
	}{{c.person, &p.person}, {c.garment, &p.garment}, {c.truth, &p.truth}}
	for _, photo := range photos {
		body, err := read(ctx, source, photo.file)
		if err != nil {
			return nil, err
		}
		if *photo.into, _, err = imaging.DecodePhoto(body, imaging.PhotoLimits{}); err != nil {
			return nil, fmt.Errorf("decoding %s: %w", photo.file.Path, err)
		}
		if err := hasSize(photo.file, (*photo.into).Rect.Size(), s); err != nil {
			return nil, err
		}
	}
	mask, err := readLabels(ctx, source, c.mask, s)
	if err != nil {
		return nil, err
	}
	p.mask = mask
	if p.oldGarment, err = readRegion(ctx, source, c.personParse, s); err != nil {
		return nil, err
	}
	p.newGarment = p.oldGarment
	if c.hasTruthParse {
		if p.newGarment, err = readRegion(ctx, source, c.truthParse, s); err != nil {
			return nil, err
		}
	}
	if c.hasPoseFile {
		body, err := read(ctx, source, c.pose)
		if err != nil {
			return nil, err
		}
		p.pose = readPose(body)
	}
	return p, nil
}

func hasSize(f dataset.File, size image.Point, s oip.Signature) error {
	if size.X != s.Width || size.Y != s.Height {
		return fmt.Errorf("%s has %dx%d pixels, the model answers %dx%d", f.Path, size.X, size.Y, s.Width, s.Height)
	}
	return nil
}

func readRegion(ctx context.Context, source dataset.Source, f dataset.File, s oip.Signature) ([]bool, error) {
	labels, err := readLabels(ctx, source, f, s)
	if err != nil {
		return nil, err
	}
	region := make([]bool, len(labels))
	for i, label := range labels {
		region[i] = upperGarment[label]
	}
	return region, nil
}

// readLabels reads a PNG of one byte a pixel: palette indices of a parse map, levels of a mask.
func readLabels(ctx context.Context, source dataset.Source, f dataset.File, s oip.Signature) ([]byte, error) {
	body, err := read(ctx, source, f)
	if err != nil {
		return nil, err
	}
	if _, err := imaging.PhotoHeader(body, imaging.PhotoLimits{}); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", f.Path, err)
	}
	decoded, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("decoding %s: %w", f.Path, err)
	}
	if err := hasSize(f, decoded.Bounds().Size(), s); err != nil {
		return nil, err
	}
	if indexed, ok := decoded.(*image.Paletted); ok {
		return packed(indexed.Pix, indexed.Stride, s), nil
	}
	if grey, ok := decoded.(*image.Gray); ok {
		return packed(grey.Pix, grey.Stride, s), nil
	}
	rgba := imaging.ToRGBA(decoded)
	out := make([]byte, s.Width*s.Height)
	for i := range out {
		out[i] = rgba.Pix[4*i]
	}
	return out, nil
}

func packed(pixels []byte, stride int, s oip.Signature) []byte {
	out := make([]byte, 0, s.Width*s.Height)
	for y := range s.Height {
		out = append(out, pixels[y*stride:y*stride+s.Width]...)
	}
	return out
}

// request makes the case's request; the mask has two levels as the signature wants it.
func (p *pictures) request() oip.TryOn {
	mask := make([]byte, len(p.mask))
	for i, v := range p.mask {
		if v >= 128 {
			mask[i] = 255
		}
	}
	return oip.TryOn{Person: rgb(p.person), Garment: rgb(p.garment), GarmentMask: mask}
}

func rgb(src *image.RGBA) []byte {
	out := make([]byte, 0, 3*src.Rect.Dx()*src.Rect.Dy())
	for i := 0; i < len(src.Pix); i += 4 {
		out = append(out, src.Pix[i:i+3]...)
	}
	return out
}

func fromRGB(pixels []byte, s oip.Signature) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, s.Width, s.Height))
	for i := range s.Width * s.Height {
		copy(out.Pix[4*i:], pixels[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}

// point is a pose key point in pixels; an unseen one has confidence 0.
type point struct{ x, y, confidence float64 }

// pose is the torso of OpenPose's BODY_25.
type pose struct{ rightShoulder, leftShoulder, rightHip, leftHip point }

func (p pose) complete() bool {
	for _, k := range []point{p.rightShoulder, p.leftShoulder, p.rightHip, p.leftHip} {
		if !(k.confidence > 0) {
			return false
		}
	}
	return true
}

// readPose reads a torso; whatever is not there is unseen.
func readPose(body []byte) pose {
	var doc struct {
		People []struct {
			Points []float64 `json:"pose_keypoints_2d"`
		} `json:"people"`
	}
	if err := json.Unmarshal(body, &doc); err != nil || len(doc.People) == 0 {
		return pose{}
	}
	points := doc.People[0].Points
	at := func(i int) point {
		if len(points) < 3*i+3 {
			return point{}
		}
		return point{points[3*i], points[3*i+1], points[3*i+2]}
	}
	return pose{rightShoulder: at(2), leftShoulder: at(5), rightHip: at(9), leftHip: at(12)}
}
