package person

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

const rows = 300

// Joints of BODY_25 that the tests name.
const (
	nose = iota
	neck
	rightShoulder
	rightElbow
	rightWrist
	leftShoulder
	leftElbow
	leftWrist
	midHip
)

func TestTheSameRowHasTheSamePerson(t *testing.T) {
	exact := cmp.AllowUnexported(Person{}, arm{})
	if diff := cmp.Diff(Make(3, "train", 5), Make(3, "train", 5), exact); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(Make(3, "train", 5), Make(3, "train", 6), exact) {
		t.Error("two rows have the same person")
	}
}

func TestBonesHaveTheSameLengthInEveryPose(t *testing.T) {
	for row := range rows {
		joints := Make(1, "train", row).Keypoints()
		for name, bone := range map[string]struct {
			from, to int
			want     float64
		}{
			"right upper arm": {rightShoulder, rightElbow, UpperArm}, "right forearm": {rightElbow, rightWrist, foreArm},
			"left upper arm": {leftShoulder, leftElbow, UpperArm}, "left forearm": {leftElbow, leftWrist, foreArm},
		} {
			if got := joints[bone.to].Sub(joints[bone.from]).Length(); math.Abs(got-bone.want) > 1e-9 {
				t.Errorf("row %d: the %s is %.4f long, want %.4f", row, name, got, bone.want)
			}
		}
	}
}

func TestJointsAreInTheOrderOfBody25(t *testing.T) {
	for row := range rows {
		j := Make(2, "test", row).Keypoints()
		if !(j[rightShoulder].X < j[neck].X && j[neck].X < j[leftShoulder].X) {
			t.Errorf("row %d: shoulders at %.3f and %.3f of a neck at %.3f: a person's right is on the picture's left", row, j[rightShoulder].X, j[leftShoulder].X, j[neck].X)
		}
		for _, pair := range [][2]int{{9, 12}, {10, 13}, {11, 14}, {15, 16}, {17, 18}, {22, 19}} {
			if j[pair[0]].X >= j[pair[1]].X {
				t.Errorf("row %d: joint %d is not to the left of %d", row, pair[0], pair[1])
			}
		}
		for _, pair := range [][2]int{{nose, neck}, {neck, midHip}, {midHip, 10}, {10, 11}, {11, 21}} {
			if j[pair[0]].Y >= j[pair[1]].Y {
				t.Errorf("row %d: joint %d is not above %d", row, pair[0], pair[1])
			}
		}
	}
}

func TestEveryPoseOfACatalogueIsTaken(t *testing.T) {
	poses := map[string]int{}
	for row := range rows {
		for _, a := range Make(5, "train", row).arms {
			switch end := a.shoulder + a.elbow; {
			case a.shoulder >= 30:
				poses["hand on the hip"]++
			case end < -25:
				poses["across the trunk"]++
			default:
				poses["hanging"]++
			}
		}
	}
	for _, pose := range []string{"hand on the hip", "across the trunk", "hanging"} {
		if poses[pose] < rows/5 {
			t.Errorf("%s: %d of %d arms", pose, poses[pose], 2*rows)
		}
	}
}

func TestEveryKindOfPersonComes(t *testing.T) {
	skins, hair, cuts, fronts := map[draw.RGB]int{}, map[hairStyle]int{}, map[trouserCut]int{}, map[[2]int]int{}
	for row := range rows {
		p := Make(6, "train", row)
		skins[p.skin]++
		hair[p.hairStyle]++
		cuts[p.cut]++
		fronts[p.ArmOrder()]++
	}
	if len(skins) != len(skinTones) || len(hair) != int(hairStyles) || len(cuts) != int(trouserCuts) || len(fronts) != 2 {
		t.Errorf("%d skin tones, %d hair styles, %d cuts of trousers, %d arms in front", len(skins), len(hair), len(cuts), len(fronts))
	}
	for _, tone := range skinTones {
		if skins[tone] < rows/len(skinTones)/3 {
			t.Errorf("skin tone %v comes %d times in %d rows", tone, skins[tone], rows)
		}
	}
}

func TestAMannequinIsTheSameOnBothSides(t *testing.T) {
	for _, spread := range []float64{0, 34} {
		s := Mannequin(spread).Skeleton()
		right, left := s.Arms[0].Tube(), s.Arms[1].Tube()
		for name, pair := range map[string][2]draw.Point{"shoulder": {right.Start, left.Start}, "elbow": {right.Joint, left.Joint}, "wrist": {right.End, left.End}} {
			if pair[0].Mirrored().Sub(pair[1]).Length() > 1e-12 {
				t.Errorf("spread %.0f: the %ss are at %v and %v", spread, name, pair[0], pair[1])
			}
		}
		if s.Axis(0) != 0 || s.Head.X != 0 {
			t.Errorf("spread %.0f: it leans", spread)
		}
	}
	if Mannequin(34).Skeleton().Arms[1].Tube().End.X <= Mannequin(0).Skeleton().Arms[1].Tube().End.X {
		t.Error("a larger spread does not lift the arm")
	}
}

func TestABodyIsNarrowestAtItsWaistAndStandsOnItsHips(t *testing.T) {
	for row := range rows {
		s := Make(7, "train", row).Skeleton()
		if waist := s.Trunk.At(WaistY); waist >= s.Trunk.At(ShoulderY) || waist >= s.Trunk.At(HipY) {
			t.Errorf("row %d: the waist is %.3f wide, the shoulders %.3f, the hips %.3f", row, waist, s.Trunk.At(ShoulderY), s.Trunk.At(HipY))
		}
		if s.Axis(HipY) != 0 {
			t.Errorf("row %d: the hips are %.3f off the centre line", row, s.Axis(HipY))
		}
		for x := 0.0; x < 0.2; x += 0.01 {
			if s.ShoulderLine(x+0.01) <= s.ShoulderLine(x) {
				t.Errorf("row %d: the shoulders rise at %.2f", row, x)
			}
		}
	}
}

func TestOnlyTheEndOfATubeIsCutOffAboveTheShoulder(t *testing.T) {
	s := Mannequin(0).Skeleton()
	for name, tt := range map[string]struct {
		along float64
		at    draw.Point
		want  bool
	}{
		"above the contour":             {0, draw.XY(0.1, 0.2), true},
		"below it":                      {0, draw.XY(0.1, 0.35), false},
		"an arm that is raised over it": {1.2, draw.XY(0.1, 0.2), false},
	} {
		if got := s.AboveShoulder(draw.Place{Along: tt.along}, tt.at); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// paint draws a person without any top.
func paint(c *draw.Canvas, p *Person) {
	on := p.On(c)
	on.DrawBehind()
	on.DrawHead()
	for _, arm := range p.ArmOrder() {
		on.DrawArm(arm)
	}
	on.DrawBackdrop()
}

func TestAPersonIsPaintedWithAllItsParts(t *testing.T) {
	c := draw.NewCanvas(96, 128)
	for row := range 40 {
		p := Make(8, "train", row)
		paint(c, p)
		count := map[uint8]int{}
		for _, l := range c.Labels() {
			count[l]++
		}
		for label, least := range map[uint8]int{
			draw.LabelBackground: 2000, draw.LabelFace: 150, draw.LabelHair: 20, draw.LabelNeck: 200, draw.LabelPants: 500,
			draw.LabelLeftArm: 100, draw.LabelRightArm: 100, draw.LabelLeftHand: 10, draw.LabelRightHand: 10,
		} {
			if count[label] < least {
				t.Errorf("row %d: %d pixels of label %d, want at least %d", row, count[label], label, least)
			}
		}
		if count[draw.LabelUpper] > 0 {
			t.Errorf("row %d: %d pixels of a garment on a person who wears none", row, count[draw.LabelUpper])
		}
		if bare := count[draw.LabelLeftLeg] + count[draw.LabelRightLeg]; (bare > 0) != (p.cut == cutShorts) {
			t.Errorf("row %d: %d pixels of bare legs in trousers of cut %d", row, bare, p.cut)
		}
	}
}

func TestSkinIsOfThePersonsTone(t *testing.T) {
	c := draw.NewCanvas(96, 128)
	light, deep := Make(9, "train", 0), Make(9, "train", 0)
	light.skin, deep.skin = skinTones[0], skinTones[9]
	brightness := func(p *Person) float64 {
		paint(c, p)
		picture, sum, n := c.Picture(), 0.0, 0.0
		for i, l := range c.Labels() {
			if l == draw.LabelFace || l == draw.LabelLeftArm || l == draw.LabelRightArm {
				sum, n = sum+float64(picture.Pix[4*i+1])/255, n+1
			}
		}
		return sum / n
	}
	if a, b := brightness(light), brightness(deep); a < 0.65 || b > 0.35 {
		t.Errorf("light skin has green %.2f, deep skin %.2f", a, b)
	}
}
