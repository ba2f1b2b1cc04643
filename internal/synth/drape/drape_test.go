package drape_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

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
		if cmp.Equal(own.Pix[4*i:4*i+4], other.Pix[4*i:4*i+4]) {
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
