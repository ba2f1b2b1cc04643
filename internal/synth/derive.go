package synth

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// cihpPalette colours parse maps for people; programs read the indices.
var cihpPalette = color.Palette{
	color.RGBA{0, 0, 0, 255}, color.RGBA{128, 0, 0, 255}, color.RGBA{254, 0, 0, 255}, color.RGBA{0, 85, 0, 255},
	color.RGBA{169, 0, 51, 255}, color.RGBA{254, 85, 0, 255}, color.RGBA{0, 0, 85, 255}, color.RGBA{0, 119, 220, 255},
	color.RGBA{85, 85, 0, 255}, color.RGBA{0, 85, 85, 255}, color.RGBA{85, 51, 0, 255}, color.RGBA{52, 86, 128, 255},
	color.RGBA{0, 128, 0, 255}, color.RGBA{0, 0, 254, 255}, color.RGBA{51, 169, 220, 255}, color.RGBA{0, 254, 254, 255},
	color.RGBA{85, 254, 169, 255}, color.RGBA{169, 254, 85, 255}, color.RGBA{254, 254, 0, 255}, color.RGBA{254, 169, 0, 255},
}

// parseMap turns drawing labels into a CIHP-20 picture; hands are part of their arms.
func parseMap(labels []uint8, width int) *image.Paletted {
	out := image.NewPaletted(image.Rect(0, 0, width, len(labels)/width), cihpPalette)
	for i, l := range labels {
		switch l {
		case draw.LabelLeftHand:
			l = draw.LabelLeftArm
		case draw.LabelRightHand:
			l = draw.LabelRightArm
		}
		out.Pix[i] = l
	}
	return out
}

// garmentMask is 255 on cloth and 0 elsewhere.
func garmentMask(labels []uint8, width int) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, width, len(labels)/width))
	for i, l := range labels {
		if l == draw.LabelUpper {
			out.Pix[i] = 255
		}
	}
	return out
}

// agnostic greys out everything that tells which top was worn: the garment, arms without hands, and the neck, with a margin.
// Head, hands and trousers stay, except in the seam where they are blended with cloth.
func agnostic(photo *image.RGBA, labels []uint8) *image.RGBA {
	width, height := photo.Rect.Dx(), photo.Rect.Dy()
	cloth := maskOf(labels, draw.Only(draw.LabelUpper))
	hidden := maskOf(labels, draw.Only(draw.LabelUpper, draw.LabelNeck, draw.LabelLeftArm, draw.LabelRightArm))
	seam := grow(cloth, width, max(1, int(math.Round(float64(height)*0.008))))
	cover := grow(hidden, width, max(1, int(math.Round(float64(height)*0.025))))
	stays := draw.Only(draw.LabelHair, draw.LabelFace, draw.LabelPants, draw.LabelLeftHand, draw.LabelRightHand, draw.LabelLeftLeg, draw.LabelRightLeg)
	out := image.NewRGBA(photo.Rect)
	copy(out.Pix, photo.Pix)
	for i, l := range labels {
		if seam[i] || (cover[i] && !stays.Has(l)) {
			copy(out.Pix[4*i:4*i+3], []uint8{128, 128, 128})
		}
	}
	return out
}

func maskOf(labels []uint8, set draw.LabelSet) []bool {
	out := make([]bool, len(labels))
	for i, l := range labels {
		out[i] = set.Has(l)
	}
	return out
}

// grow dilates a mask by a square of the given radius, one axis after the other.
func grow(mask []bool, width, radius int) []bool {
	height := len(mask) / width
	across := make([]bool, len(mask))
	out := make([]bool, len(mask))
	for i, on := range mask {
		if on {
			x, row := i%width, i-i%width
			for k := max(0, x-radius); k <= min(width-1, x+radius); k++ {
				across[row+k] = true
			}
		}
	}
	for i, on := range across {
		if on {
			x, y := i%width, i/width
			for k := max(0, y-radius); k <= min(height-1, y+radius); k++ {
				out[k*width+x] = true
			}
		}
	}
	return out
}

// poseJSON is the OpenPose document of one person in BODY_25, in pixels. A joint outside the frame is (0, 0, 0).
func poseJSON(c *draw.Canvas, joints [25]draw.Point) ([]byte, error) {
	type person struct {
		Keypoints []json.RawMessage `json:"pose_keypoints_2d"`
	}
	p := person{Keypoints: make([]json.RawMessage, 0, 75)}
	for _, joint := range joints {
		x, y, inside := c.Pixel(joint)
		confidence := 0.94
		if !inside {
			x, y, confidence = 0, 0, 0
		}
		for _, v := range []float64{x, y, confidence} {
			p.Keypoints = append(p.Keypoints, json.RawMessage(fmt.Sprintf("%.3f", v)))
		}
	}
	body, err := json.Marshal(map[string]any{"version": 1.3, "people": []person{p}})
	if err != nil {
		return nil, fmt.Errorf("encoding pose: %w", err)
	}
	return append(body, '\n'), nil
}
