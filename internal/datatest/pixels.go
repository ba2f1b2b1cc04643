package datatest

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"path"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/imaging"
)

func checkDecode(s *sample, t *tally) {
	for _, role := range dataset.Roles {
		a := s.files[role]
		if a == nil {
			continue
		}
		t.examine(1)
		if role == dataset.RolePose && a.body != nil {
			continue // its content is the business of pose-one-person
		}
		if a.err != nil {
			t.blame(a.file.Path, "%v", a.err)
			continue
		}
		if want := extensionOf(a.info.Format); !want[path.Ext(a.file.Path)] {
			t.blame(a.file.Path, "holds %s in spite of its name", a.info.Format)
		}
	}
}

func extensionOf(format string) map[string]bool {
	if format == "jpeg" {
		return map[string]bool{".jpg": true, ".jpeg": true, ".JPG": true, ".JPEG": true}
	}
	return map[string]bool{".png": true, ".PNG": true}
}

// checkSize compares with the person's picture; the aspect ratio is 4:3 within half a percent or one pixel.
func checkSize(s *sample, t *tally) {
	var want *artefact
	for _, role := range pictures {
		if want = s.good(role); want != nil {
			break
		}
	}
	if want == nil {
		return
	}
	t.examine(1)
	w, h := want.info.Width, want.info.Height
	if off := math.Abs(float64(h) - float64(w)*4/3); off > math.Max(1, 0.005*float64(h)) {
		t.blame(want.file.Path, "%dx%d is not 4:3 upright", w, h)
		return
	}
	for _, role := range pictures {
		if a := s.good(role); a != nil && (a.info.Width != w || a.info.Height != h) {
			t.offend(Offender{Path: a.file.Path, See: want.file.Path, Detail: fmt.Sprintf("%dx%d, but %s is %dx%d", a.info.Width, a.info.Height, want.file.Path, w, h)})
			return
		}
	}
}

func checkMode(s *sample, t *tally) {
	for _, role := range pictures {
		a := s.good(role)
		if a == nil {
			continue
		}
		t.examine(1)
		mode := modeOf(a.raw)
		single := mode == "grey" || mode == "palette"
		switch {
		case role == dataset.RoleParse && !single:
			t.blame(a.file.Path, "a parse map in mode %s; class ids need palette or grey", mode)
		case role == dataset.RoleMask && mode != "grey" && mode != "colour":
			t.blame(a.file.Path, "a mask in mode %s; use grey", mode)
		case isPhotograph(role) && mode != "colour":
			t.blame(a.file.Path, "a photograph in mode %s; use 8-bit colour", mode)
		}
	}
}

func isPhotograph(role dataset.Role) bool {
	for _, p := range photographs {
		if p == role {
			return true
		}
	}
	return false
}

func modeOf(raw image.Image) string {
	switch raw.(type) {
	case *image.RGBA, *image.YCbCr:
		return "colour"
	case *image.Gray:
		return "grey"
	case *image.Paletted:
		return "palette"
	case *image.NRGBA:
		return "colour with alpha"
	case *image.CMYK:
		return "CMYK"
	case *image.RGBA64, *image.NRGBA64, *image.Gray16:
		return "16 bits"
	}
	return fmt.Sprintf("%T", raw)
}

func checkProfile(s *sample, t *tally) {
	for _, role := range photographs {
		a := s.good(role)
		if a == nil {
			continue
		}
		t.examine(1)
		if name, foreign := imaging.ForeignProfile(a.body); foreign {
			t.blame(a.file.Path, "carries a colour profile other than sRGB (%s)", name)
		}
	}
}

func checkOrientation(s *sample, t *tally) {
	for _, role := range pictures {
		a := s.good(role)
		if a == nil {
			continue
		}
		t.examine(1)
		orientation := a.info.Orientation
		if a.info.Format == "png" {
			orientation = imaging.PNGOrientation(a.body)
		}
		if orientation != 1 {
			t.blame(a.file.Path, "EXIF orientation %d", orientation)
		}
	}
}

// Bounds of near-blank: the least standard deviation of luma, in levels, and the most pixels that may be clipped.
const (
	leastDeviation = 12
	mostClipped    = 0.60
)

func checkBlank(s *sample, t *tally) {
	for _, role := range []dataset.Role{dataset.RolePerson, dataset.RoleGarment} {
		a := s.good(role)
		if a == nil {
			continue
		}
		t.examine(1)
		if a.blank() {
			t.blame(a.file.Path, "luma varies by %.1f levels only, want over %d", a.deviation, leastDeviation)
			continue
		}
		// A garment's background may be as white as it likes.
		var cloth []uint8
		if role == dataset.RoleGarment && s.maskFits(a) {
			cloth = s.mask
		}
		if share := clipped(a.rgb, cloth); share >= mostClipped {
			t.blame(a.file.Path, "%.0f%% of its pixels are pure black or white", share*100)
		}
	}
}

func (a *artefact) blank() bool { return a.deviation <= leastDeviation }

// maskFits tells whether the mask is one and has the size of a picture.
func (s *sample) maskFits(a *artefact) bool {
	m := s.good(dataset.RoleMask)
	return m != nil && s.usable && m.info.Width == a.info.Width && m.info.Height == a.info.Height
}

// clipped is the share of pixels whose channels are all 0 or all 255, inside the mask if there is one.
func clipped(rgb *image.RGBA, mask []uint8) float64 {
	n, bad := 0, 0
	for i := 0; i+3 < len(rgb.Pix); i += 4 {
		if mask != nil && mask[i/4] < 128 {
			continue
		}
		n++
		p := rgb.Pix[i : i+3]
		if bytes.Equal(p, []byte{0, 0, 0}) || bytes.Equal(p, []byte{255, 255, 255}) {
			bad++
		}
	}
	return float64(bad) / math.Max(1, float64(n))
}

// Bounds of garment masks: the most pixels that are neither black nor white, and the area of the garment.
const (
	mostGrey         = 0.02
	leastCoverage    = 0.08
	mostCoverage     = 0.70
	fallbackCoverage = 0.156 // 122,880 of 786,432 pixels, where StableVITON's loader falls back to all ones
)

// checkMaskBinary leaves all-black and all-white masks to garment-coverage.
func checkMaskBinary(s *sample, t *tally) {
	a := s.good(dataset.RoleMask)
	if a == nil {
		return
	}
	t.examine(1)
	if share := greyShare(s.mask); share >= mostGrey {
		t.blame(a.file.Path, "%.0f%% of its pixels are neither black nor white", share*100)
	} else if words, inverted := a.inverted(s.mask); inverted {
		t.blame(a.file.Path, "%s", words)
	}
}

// greyShare is the share of values between black and white.
func greyShare(mask []uint8) float64 {
	grey := 0
	for _, v := range mask {
		if v > 10 && v < 245 {
			grey++
		}
	}
	return float64(grey) / math.Max(1, float64(len(mask)))
}

// inverted tells whether a mask is brighter at its border than in its middle.
func (a *artefact) inverted(mask []uint8) (words string, yes bool) {
	centre, border := centreAndBorder(mask, a.info.Width, a.info.Height)
	return fmt.Sprintf("looks inverted: centre %.0f, border %.0f", centre, border), border > centre
}

// centreAndBorder are mean values of the middle half and of the outer twentieth of a picture.
func centreAndBorder(mask []uint8, w, h int) (centre, border float64) {
	var nc, nb float64
	mx, my := max(1, w/20), max(1, h/20)
	for i, v := range mask {
		x, y := i%w, i/w
		if x >= w/4 && x < w-w/4 && y >= h/4 && y < h-h/4 {
			centre += float64(v)
			nc++
		}
		if x < mx || y < my || x >= w-mx || y >= h-my {
			border += float64(v)
			nb++
		}
	}
	return centre / math.Max(nc, 1), border / math.Max(nb, 1)
}

func checkCoverage(s *sample, t *tally) {
	coverage(s, t, func(a *artefact, share float64) {
		if share < leastCoverage || share > mostCoverage {
			t.blame(a.file.Path, "the garment covers %.1f%% of the picture, want %.0f%% to %.0f%%", share*100, leastCoverage*100.0, mostCoverage*100.0)
		}
	})
}

func checkSmallGarment(s *sample, t *tally) {
	coverage(s, t, func(a *artefact, share float64) {
		if share >= leastCoverage && share < fallbackCoverage {
			t.blame(a.file.Path, "the garment covers %.1f%% of the picture", share*100)
		}
	})
}

// coverage measures masks that are masks; mask-binary speaks about the others.
func coverage(s *sample, t *tally, judge func(a *artefact, share float64)) {
	a := s.good(dataset.RoleMask)
	if a == nil {
		return
	}
	t.examine(1)
	if !s.usable {
		return
	}
	on := 0
	for _, v := range s.mask {
		if v >= 128 {
			on++
		}
	}
	judge(a, float64(on)/float64(len(s.mask)))
}
