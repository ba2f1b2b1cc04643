package evaluate

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/oip"
)

// flat makes a picture of one colour.
func flat(w, h int, c color.RGBA) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(out.Pix); i += 4 {
		out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = c.R, c.G, c.B, 255
	}
	return out
}

func torsoAt(x, shoulder, hip float64) pose {
	return pose{point{x - 5, shoulder, 1}, point{x + 5, shoulder, 1}, point{x - 4, hip, 1}, point{x + 4, hip, 1}}
}

func TestPasteLaysTheGarmentOnTheTorso(t *testing.T) {
	const w, h = 40, 60
	white, red := color.RGBA{255, 255, 255, 255}, color.RGBA{200, 0, 0, 255}
	p := &pictures{person: flat(w, h, white), garment: flat(w, h, red), mask: make([]byte, w*h), oldGarment: make([]bool, w*h), pose: torsoAt(10, 20, 40)}
	for y := 10; y < 50; y++ {
		for x := 10; x < 30; x++ {
			p.mask[y*w+x] = 255
		}
	}
	got := paste(p)
	// 20 pixels of torso and 4 above and below make 24 of the garment's 40 rows: scale 0.6, 12 columns around x = 10.
	for _, c := range []struct {
		x, y int
		want color.RGBA
	}{{10, 30, red}, {5, 30, red}, {14, 30, red}, {2, 30, white}, {17, 30, white}, {10, 19, red}, {10, 14, white}, {10, 44, white}, {30, 30, white}} {
		if got.RGBAAt(c.x, c.y) != c.want {
			t.Errorf("pixel %d,%d is %v, want %v", c.x, c.y, got.RGBAAt(c.x, c.y), c.want)
		}
	}
	if p.person.RGBAAt(10, 30) != white {
		t.Error("the person's picture was changed")
	}
}

func TestPasteWithoutAPoseUsesTheOldGarmentAndWithoutBothChangesNothing(t *testing.T) {
	const w, h = 40, 40
	white, red := color.RGBA{255, 255, 255, 255}, color.RGBA{200, 0, 0, 255}
	p := &pictures{person: flat(w, h, white), garment: flat(w, h, red), mask: make([]byte, w*h), oldGarment: make([]bool, w*h)}
	for y := 10; y < 30; y++ {
		for x := 10; x < 30; x++ {
			p.mask[y*w+x] = 255
			p.oldGarment[(y+5)*w+x+5] = true
		}
	}
	if got := paste(p).RGBAAt(30, 30); got != red {
		t.Errorf("pixel of the old garment is %v", got)
	}
	p.oldGarment = make([]bool, w*h)
	if diff := cmp.Diff(p.person.Pix, paste(p).Pix); diff != "" {
		t.Error("a person without torso was changed")
	}
	p.pose = torsoAt(math.NaN(), math.NaN(), math.NaN())
	if diff := cmp.Diff(p.person.Pix, paste(p).Pix); diff != "" {
		t.Error("a torso of NaN changed the person")
	}
}

func TestPosesThatAreNotThereAreUnseen(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": ``, "no people": `{"people":[]}`, "too few points": `{"people":[{"pose_keypoints_2d":[1,2,1]}]}`, "text": `{"people":[{"pose_keypoints_2d":["a"]}]}`,
		"an unseen hip": `{"people":[{"pose_keypoints_2d":[0,0,0,0,0,0,1,1,1,0,0,0,0,0,0,9,1,1,0,0,0,0,0,0,0,0,0,1,9,1,0,0,0,0,0,0,9,9,0]}]}`,
	} {
		if p := readPose([]byte(body)); p.complete() {
			t.Errorf("%s: %+v is complete", name, p)
		}
	}
}

func TestTheIntervalHoldsTheMeanAndNarrowsWithCases(t *testing.T) {
	values := func(n int) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = float64(i % 10)
		}
		return out
	}
	few, many := estimate(values(20)), estimate(values(2000))
	if few.Mean != 4.5 || many.Mean != 4.5 || !(few.Low < 4.5 && few.High > 4.5) {
		t.Errorf("estimates %+v, %+v", few, many)
	}
	// The standard error of 2000 uniform digits is 2.87/sqrt(2000) = 0.064.
	if width := many.High - many.Low; width > 0.3 || width < 0.2 || few.High-few.Low < 5*width {
		t.Errorf("intervals of %v and %v", few.High-few.Low, width)
	}
	if diff := cmp.Diff(estimate(values(20)), few); diff != "" {
		t.Errorf("the same values give another interval: %s", diff)
	}
	if one := estimate([]float64{0.5}); one != (Estimate{0.5, 0.5, 0.5}) {
		t.Errorf("one value: %+v", one)
	}
}

func TestSpreadTakesBothEnds(t *testing.T) {
	for _, c := range []struct {
		n, k int
		want []int
	}{{10, 4, []int{0, 3, 6, 9}}, {3, 8, []int{0, 1, 2}}, {1, 4, []int{0}}, {5, 1, []int{0}}, {0, 4, []int{}}} {
		if diff := cmp.Diff(c.want, spread(c.n, c.k)); diff != "" {
			t.Errorf("spread(%d, %d) (-want +got):\n%s", c.n, c.k, diff)
		}
	}
}

func TestTheEvaluatorChangesWithWhatItMeasures(t *testing.T) {
	base := plan{protocol: ProtocolPaired, cases: []testCase{{person: dataset.File{Path: "p", SHA256: "1"}}}}
	other := plan{protocol: ProtocolPaired, cases: []testCase{{person: dataset.File{Path: "p", SHA256: "2"}}}}
	truth := plan{protocol: ProtocolUnpairedTruth, cases: base.cases}
	seen := map[string]string{}
	for name, e := range map[string]evaluator{
		"base": makeEvaluator(base, oip.NewSignature(64, 48)), "another picture": makeEvaluator(other, oip.NewSignature(64, 48)),
		"another protocol": makeEvaluator(truth, oip.NewSignature(64, 48)), "another size": makeEvaluator(base, oip.NewSignature(128, 96)),
	} {
		id, err := e.ID()
		if err != nil {
			t.Fatal(err)
		}
		if twin, ok := seen[id]; ok {
			t.Errorf("%s and %s have one evaluator", name, twin)
		}
		seen[id] = name
	}
}

func TestAVerdictNeedsTheWholeIntervalAboveTheBaselines(t *testing.T) {
	verdictOf := func(low, mean, high float64) (verdict, tone string) {
		d := &Document{Rows: make([]Row, 3), Scores: map[string]map[string]Estimate{
			SystemServed: {MetricGarmentSSIM: {mean, low, high}}, BaselineCopy: {MetricGarmentSSIM: {0.2, 0.1, 0.3}}, BaselinePaste: {MetricGarmentSSIM: {0.4, 0.3, 0.5}},
		}}
		verdict, _, tone = d.verdict()
		return verdict, tone
	}
	for _, c := range []struct {
		low, mean, high float64
		want            string
		tone            string
	}{
		{0.6, 0.65, 0.7, "Better than both baselines by 0.250", "good"}, {0.1, 0.2, 0.3, "Worse than a baseline by 0.200", "bad"},
		{0.39, 0.5, 0.6, "Not told apart from the better baseline", "open"},
	} {
		if got, tone := verdictOf(c.low, c.mean, c.high); got != c.want || tone != c.tone {
			t.Errorf("%v: %q (%s), want %q (%s)", c.mean, got, tone, c.want, c.tone)
		}
	}
}
