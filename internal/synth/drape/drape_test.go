package drape_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/braincreators/tryon-operator/internal/synth/drape"
	"github.com/braincreators/tryon-operator/internal/synth/draw"
	"github.com/braincreators/tryon-operator/internal/synth/garment"
	"github.com/braincreators/tryon-operator/internal/synth/person"
)

func TestThePersonOfTheTruthDiffersOnlyWhereClothesOrSkinAre(t *testing.T) {
	c := draw.NewCanvas(96, 128)
	b := person.Make(3, "test", 1)
	drape.Worn(c, b, garment.Make(3, "test", 1))
	own, ownLabels := c.Picture(), c.Labels()
	drape.Worn(c, b, garment.Make(3, "test", 2))
	other, otherLabels := c.Picture(), c.Labels()
	changed := 0
	for i := range ownLabels {
		if bytes.Equal(own.Pix[4*i:4*i+4], other.Pix[4*i:4*i+4]) {
			continue
		}
		changed++
		if ownLabels[i] == draw.LabelFace && otherLabels[i] == draw.LabelFace {
			t.Fatalf("face pixel %d changed with the garment", i)
		}
	}
	if share := float64(changed) / float64(len(ownLabels)); share < 0.05 || share > 0.6 {
		t.Errorf("%.0f%% of the pixels changed, want those of clothes and their shadows", share*100)
	}
}

func TestTheFlatGarmentStandsClearOfTheFrameOnUniformGrey(t *testing.T) {
	c := draw.NewCanvas(96, 128)
	for row := range 40 {
		drape.Flat(c, garment.Make(9, "train", row), 0.75)
		labels, photo := c.Labels(), c.Picture()
		on := 0
		for i, l := range labels {
			x, y := i%96, i/96
			if l == draw.LabelUpper {
				on++
			}
			border := x < 2 || y < 2 || x >= 94 || y >= 126
			if border && (l != draw.LabelBackground || photo.Pix[4*i] != 246) {
				t.Fatalf("garment %d touches the frame at (%d, %d)", row, x, y)
			}
		}
		if share := float64(on) / float64(len(labels)); share < 0.156 || share > 0.70 {
			t.Errorf("garment %d covers %.1f%% of its picture", row, share*100)
		}
	}
}

func TestJointsLieOnTheBodyTheyBelongTo(t *testing.T) {
	c := draw.NewCanvas(192, 256)
	for row := range 20 {
		b := person.Make(11, "train", row)
		drape.Worn(c, b, garment.Make(11, "train", row))
		labels := c.Labels()
		joints := b.Keypoints()
		for joint, want := range map[int]draw.LabelSet{
			0: draw.Only(draw.LabelFace), 4: draw.Only(draw.LabelRightHand, draw.LabelRightArm, draw.LabelUpper, draw.LabelLeftHand, draw.LabelLeftArm),
			3: draw.Only(draw.LabelRightArm, draw.LabelUpper, draw.LabelLeftHand, draw.LabelLeftArm), 8: draw.Only(draw.LabelUpper, draw.LabelPants, draw.LabelLeftHand, draw.LabelRightHand, draw.LabelLeftArm, draw.LabelRightArm),
		} {
			x, y, inside := c.Pixel(joints[joint])
			if !inside {
				continue
			}
			if l := labels[int(y)*192+int(x)]; !want.Has(l) {
				t.Errorf("row %d: joint %d lies on label %d", row, joint, l)
			}
		}
	}
}

// labelAt is the label of a place in body units, and whether that is inside of the picture.
func labelAt(c *draw.Canvas, labels []uint8, at draw.Point, width int) (uint8, bool) {
	x, y, inside := c.Pixel(at)
	if !inside {
		return 0, false
	}
	return labels[int(y)*width+int(x)], true
}

func TestASleeveCoversTheArmAsFarAsItIsLong(t *testing.T) {
	c := draw.NewCanvas(96, 128)
	seen := map[garment.Sleeve]int{}
	for row := range 30 {
		p, g := person.Make(13, "train", row), garment.Make(13, "train", row)
		drape.Worn(c, p, g)
		labels, front := c.Labels(), p.ArmOrder()[1]
		arm := p.Skeleton().Arms[front].Tube()
		skin := []uint8{draw.LabelRightArm, draw.LabelLeftArm}[front]
		for along, at := range map[float64]draw.Point{0.4: arm.Start.To(arm.Joint, 0.4), 0.8: arm.Start.To(arm.Joint, 0.8), 1.4: arm.Joint.To(arm.End, 0.4)} {
			label, inside := labelAt(c, labels, at, 96)
			if !inside {
				continue
			}
			seen[g.Sleeve]++
			if want := g.SleeveEnd > along; (label == draw.LabelUpper) != want || !want && label != skin {
				t.Errorf("row %d: a sleeve up to %.2f leaves label %d at %.1f", row, g.SleeveEnd, label, along)
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("only %d of 4 lengths of sleeves were seen", len(seen))
	}
}

func TestAWornGarmentLooksLikeItsOwnFlatPictureAndNotLikeAnother(t *testing.T) {
	c := draw.NewCanvas(96, 128)
	const rows = 30
	var flat, worn [rows][3]float64
	for row := range rows {
		g := garment.Make(17, "train", row)
		drape.Flat(c, g, 0.75)
		flat[row] = clothColour(c)
		drape.Worn(c, person.Make(17, "train", row), g)
		worn[row] = clothColour(c)
	}
	apart := func(a, b [3]float64) float64 {
		return math.Abs(a[0]-b[0]) + math.Abs(a[1]-b[1]) + math.Abs(a[2]-b[2])
	}
	nearer, pairs := 0, 0
	for row := range rows {
		if d := apart(flat[row], worn[row]); d > 60 {
			t.Errorf("row %d: flat %.0f and worn %.0f are %.0f apart", row, flat[row], worn[row], d)
		}
		for other := range rows {
			if other != row {
				pairs++
				if apart(flat[row], worn[row]) < apart(flat[other], worn[row]) {
					nearer++
				}
			}
		}
	}
	if share := float64(nearer) / float64(pairs); share < 0.85 {
		t.Errorf("in %.0f%% of the pairs the worn garment looks more like its own flat picture than like another, want at least 85%%", share*100)
	}
}

// clothColour is the mean colour of what carries the garment's label.
func clothColour(c *draw.Canvas) (mean [3]float64) {
	picture, n := c.Picture(), 0.0
	for i, l := range c.Labels() {
		if l == draw.LabelUpper {
			n++
			for k := range mean {
				mean[k] += float64(picture.Pix[4*i+k])
			}
		}
	}
	for k := range mean {
		mean[k] /= n
	}
	return mean
}

func TestTheFlatPictureIsTheSameForWhoeverComesBefore(t *testing.T) {
	fresh, used := draw.NewCanvas(48, 64), draw.NewCanvas(48, 64)
	g := garment.Make(19, "test", 3)
	drape.Worn(used, person.Make(19, "test", 1), garment.Make(19, "test", 2))
	drape.Flat(used, g, 0.75)
	drape.Flat(fresh, g, 0.75)
	if !bytes.Equal(fresh.Picture().Pix, used.Picture().Pix) || !bytes.Equal(fresh.Labels(), used.Labels()) {
		t.Error("a canvas keeps something of the picture before")
	}
}

func TestAHemHangsWhereTheGarmentEnds(t *testing.T) {
	c := draw.NewCanvas(96, 128)
	for row := range 25 {
		p, g := person.Make(23, "train", row), garment.Make(23, "train", row)
		drape.Worn(c, p, g)
		labels, s := c.Labels(), p.Skeleton()
		above, ok := labelAt(c, labels, draw.XY(s.Axis(g.Length), g.Length-0.02), 96)
		below, inside := labelAt(c, labels, draw.XY(s.Axis(g.Length), g.Length+0.035), 96)
		// An arm may lie over the hem, in its sleeve if that is long.
		over := []uint8{draw.LabelLeftArm, draw.LabelRightArm, draw.LabelLeftHand, draw.LabelRightHand}
		if g.Sleeve == garment.SleeveLong {
			over = append(over, draw.LabelUpper)
		}
		if ok && !draw.Only(append(over, draw.LabelUpper)...).Has(above) {
			t.Errorf("row %d: above the hem lies label %d", row, above)
		}
		if inside && !draw.Only(append(over, draw.LabelPants)...).Has(below) {
			t.Errorf("row %d: below the hem lies label %d", row, below)
		}
	}
}
