package datatest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/imaging"
)

// Ids of the CIHP-20 palette that checks refer to.
const (
	paletteSize = 20
	upperID     = 5
)

// Joints of BODY_25.
const (
	jointRightShoulder = 2
	jointLeftShoulder  = 5
	jointMidHip        = 8
	jointCount         = 25
)

// pose is one person's joints: x, y in pixels and confidence. A joint that was not found is (0, 0, 0).
type pose [jointCount][3]float64

// maxPoseBytes bounds a pose document; one person takes about 2 KB.
const maxPoseBytes = 1 << 20

// decodePose reads an OpenPose document with exactly one person in BODY_25.
func decodePose(body []byte) (*pose, error) {
	if len(body) > maxPoseBytes {
		return nil, fmt.Errorf("%d bytes are over the limit of %d", len(body), maxPoseBytes)
	}
	var doc struct {
		People []struct {
			Keypoints []float64 `json:"pose_keypoints_2d"`
			Old       []float64 `json:"pose_keypoints"`
		} `json:"people"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("no OpenPose document: %w", err)
	}
	if n := len(doc.People); n != 1 {
		return nil, fmt.Errorf("%d people, want 1", n)
	}
	values := doc.People[0].Keypoints
	switch {
	case len(values) == 0 && len(doc.People[0].Old) > 0:
		return nil, errors.New("joints under pose_keypoints, the key of old OpenPose; want pose_keypoints_2d")
	case len(values) == 54:
		return nil, errors.New("18 joints (COCO), want 25 (BODY_25)")
	case len(values) != 3*jointCount:
		return nil, fmt.Errorf("%d numbers, want %d", len(values), 3*jointCount)
	}
	p := &pose{}
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) > 1e6 {
			return nil, fmt.Errorf("joint %d has the coordinate %g", i/3, v)
		}
		p[i/3][i%3] = v
	}
	return p, nil
}

func checkPose(s *sample, t *tally) {
	a := s.files[dataset.RolePose]
	if a == nil || a.body == nil {
		return
	}
	t.examine(1)
	if a.err != nil {
		t.blame(a.file.Path, "%v", a.err)
		return
	}
	person := s.good(dataset.RolePerson)
	if person == nil {
		return
	}
	// Half a joint's width outside is what estimators give for limbs that leave the picture.
	w, h := float64(person.info.Width), float64(person.info.Height)
	for i, j := range s.pose {
		if j[2] > 0 && (j[0] < -0.1*w || j[1] < -0.1*h || j[0] > 1.1*w || j[1] > 1.1*h) {
			t.blame(a.file.Path, "joint %d at (%.0f, %.0f) is far outside the picture of %.0fx%.0f", i, j[0], j[1], w, h)
			return
		}
	}
}

// rareIDs: so many ids with under 0.02% of the pixels each look like interpolation.
const (
	rareShare = 0.0002
	rareIDs   = 5
)

func checkPalette(s *sample, t *tally) {
	a := s.good(dataset.RoleParse)
	if a == nil || s.labels == nil {
		return // picture-mode speaks about maps that hold colours
	}
	t.examine(1)
	var counts [256]int
	for _, l := range s.labels {
		counts[l]++
	}
	rare := 0
	for id, n := range counts {
		if n > 0 && id >= paletteSize {
			t.blame(a.file.Path, "class id %d is not in CIHP-20 (%d pixels)", id, n)
			return
		}
		if n > 0 && float64(n) < rareShare*float64(len(s.labels)) {
			rare++
		}
	}
	if rare >= rareIDs {
		t.blame(a.file.Path, "%d class ids with hardly any pixel: resized with interpolation?", rare)
	}
}

// trunk is the y of the shoulders and of the hips, where both were found.
func (p *pose) trunk() (top, bottom float64, known bool) {
	right, left, hip := p[jointRightShoulder], p[jointLeftShoulder], p[jointMidHip]
	top, bottom = (right[1]+left[1])/2, hip[1]
	return top, bottom, right[2] > 0 && left[2] > 0 && hip[2] > 0 && bottom > top
}

// checkPaletteIdentity asks where the upper-clothes id lies: its centre must be between shoulders and hips.
func checkPaletteIdentity(s *sample, t *tally) {
	a := s.good(dataset.RoleParse)
	if a == nil || s.labels == nil || s.pose == nil {
		return
	}
	top, bottom, known := s.pose.trunk()
	if !known {
		return
	}
	t.examine(1)
	n, sum := 0, 0
	for i, l := range s.labels {
		if l == upperID {
			n++
			sum += i / a.info.Width
		}
	}
	if float64(n) < 0.005*float64(len(s.labels)) {
		t.blame(a.file.Path, "id %d (upper clothes in CIHP-20) has %d pixels: another palette?", upperID, n)
		return
	}
	if y := float64(sum) / float64(n); y < top-0.1*(bottom-top) || y > bottom+0.1*(bottom-top) {
		t.blame(a.file.Path, "id %d (upper clothes in CIHP-20) has its centre at y %.0f, the trunk is between %.0f and %.0f", upperID, y, top, bottom)
	}
}

// Bounds of garment-matches: a row offends when its histograms share less and its mean colours differ more.
const (
	leastIntersection = 0.35
	mostColourGap     = 25.0
)

// checkGarmentMatches compares the flat garment with the worn region: intersection of coarse Lab histograms, and the distance
// of the mean colours. Light and folds move both, swapped files more.
func checkGarmentMatches(s *sample, t *tally) {
	person, cloth := s.good(dataset.RolePerson), s.good(dataset.RoleGarment)
	switch {
	case person == nil || cloth == nil || !s.maskFits(cloth) || len(s.labels) != person.info.Width*person.info.Height:
		return // checks of files, sizes and masks speak about those
	case person.blank() || cloth.blank():
		return // near-blank speaks about those
	}
	flat := colours(cloth, func(i int) bool { return s.mask[i] >= 128 })
	worn := colours(person, func(i int) bool { return s.labels[i] == upperID })
	if flat.n < 50 || worn.n < 50 {
		return // coverage and palette checks speak about those
	}
	t.examine(1)
	shared, gap := flat.shared(worn), flat.gap(worn)
	if shared <= leastIntersection && gap >= mostColourGap {
		t.offend(Offender{
			Path: cloth.file.Path, See: person.file.Path,
			Detail: fmt.Sprintf("worn and flat garment share %.0f%% of their colours, and their means are %.0f apart in Lab", shared*100, gap),
		})
	}
}

// palette is the colours of a region: a histogram of 6x8x8 Lab cells, and the mean.
type palette struct {
	n    float64
	bins [6 * 8 * 8]float64
	mean [3]float64
}

func colours(a *artefact, inside func(i int) bool) *palette {
	p := &palette{}
	for i := range a.info.Width * a.info.Height {
		if !inside(i) {
			continue
		}
		l, ca, cb := imaging.Lab(a.rgb.Pix[4*i], a.rgb.Pix[4*i+1], a.rgb.Pix[4*i+2])
		cell := func(v, low, width float64, n int) int { return min(n-1, max(0, int((v-low)/width))) }
		p.bins[cell(l, 0, 17, 6)*64+cell(ca, -64, 16, 8)*8+cell(cb, -64, 16, 8)]++
		p.n++
		for k, v := range [3]float64{l, ca, cb} {
			p.mean[k] += v
		}
	}
	for k := range p.mean {
		p.mean[k] /= math.Max(p.n, 1)
	}
	return p
}

func (p *palette) shared(q *palette) float64 {
	sum := 0.0
	for i := range p.bins {
		sum += math.Min(p.bins[i]/p.n, q.bins[i]/q.n)
	}
	return sum
}

func (p *palette) gap(q *palette) float64 {
	sum := 0.0
	for k := range p.mean {
		sum += (p.mean[k] - q.mean[k]) * (p.mean[k] - q.mean[k])
	}
	return math.Sqrt(sum)
}
