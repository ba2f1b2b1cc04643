package imaging

import (
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

// drawn makes an opaque picture from a function of its grey level.
func drawn(w, h int, level func(x, y int) int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		v := uint8(level(i%w, i/w))
		out.Pix[4*i], out.Pix[4*i+1], out.Pix[4*i+2], out.Pix[4*i+3] = v, v, v, 255
	}
	return out
}

// The two pictures of which scikit-image gave the expected numbers (gaussian_weights, sigma 1.5, population covariance).
func referencePair() (a, b *image.RGBA) {
	level := func(x, y int) int { return (x*7 + y*13 + x*y) % 256 }
	return drawn(30, 40, level), drawn(30, 40, func(x, y int) int { return level(x, y)*4/5 + 20 + (x*5+y*3)%17 })
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within || math.IsNaN(got) {
		t.Errorf("%s is %.9f, want %.9f", what, got, want)
	}
}

func TestMetricsAgreeWithScikitImage(t *testing.T) {
	a, b := referencePair()
	left := make([]bool, 30*40)
	for i := range left {
		left[i] = i%30 < 15
	}
	scores, err := SSIMRegions(a, b, nil, left)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "SSIM", scores[0], 0.9706963251828662, 1e-9)
	near(t, "SSIM of the left half", scores[1], 0.9700835542857502, 1e-9)
	psnr, err := PSNR(a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "PSNR", psnr, 24.22819580775231, 1e-9)
	l1, err := L1(a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "L1", l1, 0.051647058823529414, 1e-12)
}

func TestEqualPicturesScoreBestAndFinite(t *testing.T) {
	a, _ := referencePair()
	ssim, err := SSIM(a, a, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "SSIM", ssim, 1, 1e-12)
	psnr, err := PSNR(a, a, nil)
	if err != nil || psnr != 100 {
		t.Errorf("PSNR of equal pictures is %v, %v", psnr, err)
	}
}

func TestWhatCannotBeComparedIsAnError(t *testing.T) {
	a, b := referencePair()
	tiny := drawn(10, 10, func(int, int) int { return 3 })
	nowhere, border := make([]bool, 30*40), make([]bool, 30*40)
	border[0] = true
	tests := map[string]func() error{
		"two sizes":           func() error { _, err := SSIM(a, tiny, nil); return err },
		"under the window":    func() error { _, err := SSIM(tiny, tiny, nil); return err },
		"an empty region":     func() error { _, err := L1(a, b, nowhere); return err },
		"a region of no size": func() error { _, err := PSNR(a, b, nowhere[:5]); return err },
		"no window inside":    func() error { _, err := SSIM(a, b, border); return err },
	}
	for name, compare := range tests {
		t.Run(name, func(t *testing.T) {
			if err := compare(); !errors.Is(err, ErrNotComparable) {
				t.Errorf("got %v, want ErrNotComparable", err)
			}
		})
	}
}

func TestLabAgreesWithScikitImage(t *testing.T) {
	for in, want := range map[[3]uint8][3]float64{
		{255, 255, 255}: {100, 0, 0},
		{0, 0, 0}:       {0, 0, 0},
		{200, 30, 60}:   {43.56303228, 64.05704339, 28.47234572},
		{12, 200, 90}:   {70.95515778, -64.82005978, 43.0652283},
		{10, 10, 12}:    {2.78353703, 0.29357283, -0.79913559},
	} {
		l, a, b := Lab(in[0], in[1], in[2])
		near(t, "L", l, want[0], 0.02)
		near(t, "a", a, want[1], 0.02)
		near(t, "b", b, want[2], 0.02)
	}
}

func TestBlurLowersSharpness(t *testing.T) {
	sharp := Luma(drawn(40, 40, func(x, y int) int { return 255 * ((x/4 + y/4) % 2) }))
	soft := Luma(drawn(40, 40, func(x, y int) int { return 128 + int(100*math.Sin(float64(x)/6)) }))
	if sharp.Sharpness(nil) <= 10*soft.Sharpness(nil) {
		t.Errorf("sharp %.1f, soft %.1f", sharp.Sharpness(nil), soft.Sharpness(nil))
	}
	if got := sharp.Sharpness(make([]bool, 1600)); got != 0 {
		t.Errorf("sharpness of nothing is %f", got)
	}
}

// scene is a picture of soft blobs, a different one for every number.
func scene(number int) *image.RGBA {
	d := rand.New(rand.NewPCG(uint64(number), 1))
	out := drawn(96, 128, func(_, y int) int { return 60 + y/2 })
	for range 9 {
		cx, cy, r := d.Float64()*96, d.Float64()*128, 8+d.Float64()*30
		colour := [3]float64{d.Float64() * 180, d.Float64() * 180, d.Float64() * 180}
		for i := range 96 * 128 {
			dx, dy := (float64(i%96)-cx)/r, (float64(i/96)-cy)/r
			k := math.Exp(-dx*dx - dy*dy)
			for c := range 3 {
				out.Pix[4*i+c] = uint8(float64(out.Pix[4*i+c])*(1-k) + colour[c]*k)
			}
		}
	}
	return out
}

func TestAFingerprintSurvivesRescalingAndTellsPicturesApart(t *testing.T) {
	for number := range 8 {
		whole := MakeFingerprint(scene(number))
		smaller := MakeFingerprint(ResizeRGBA(scene(number), 72, 96))
		if d, c := HashDistance(whole.Hash, smaller.Hash), whole.ColourDistance(&smaller); d > 6 || c > 2 {
			t.Errorf("scene %d against its smaller copy: %d bits, %.1f levels", number, d, c)
		}
		other := MakeFingerprint(scene(number + 1))
		if d, c := HashDistance(whole.Hash, other.Hash), whole.ColourDistance(&other); d <= 6 || c <= 8 {
			t.Errorf("scenes %d and %d look alike: %d bits, %.1f levels", number, number+1, d, c)
		}
	}
}

func TestColoursTellApartWhatHashesDoNot(t *testing.T) {
	tinted := scene(0)
	for i := range 96 * 128 {
		tinted.Pix[4*i+2] = uint8(min(255, int(tinted.Pix[4*i+2])+60))
	}
	a, b := MakeFingerprint(scene(0)), MakeFingerprint(tinted)
	if HashDistance(a.Hash, b.Hash) > 6 || a.ColourDistance(&b) < 15 {
		t.Errorf("%d bits and %.1f levels apart, want few bits and many levels", HashDistance(a.Hash, b.Hash), a.ColourDistance(&b))
	}
}

func TestAReductionKeepsTheMeanForEveryRatio(t *testing.T) {
	p := Luma(drawn(37, 29, func(x, y int) int { return (x*31 + y*17) % 251 }))
	mean, _ := p.Deviation()
	for _, size := range [][2]int{{1, 1}, {9, 8}, {12, 16}, {37, 29}, {50, 60}} {
		got, _ := p.Reduced(size[0], size[1]).Deviation()
		near(t, "mean", got, mean, 1e-6)
	}
}

func TestASheetHasRoomForEverythingAndRefusesTheAbsurd(t *testing.T) {
	s := Sheet{
		Title: "Contact sheet", Heads: []string{"person", "garment", "a head that is much too long for its column"}, CellW: 96, CellH: 128, Footer: "seed 7",
		Rows: [][]Cell{{{scene(1), "one"}, {scene(2), "two"}}, {{nil, "nothing"}, {scene(3), "größer"}}},
	}
	out, err := s.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if w := out.Rect.Dx(); w != 14+3*(96+14) {
		t.Errorf("the sheet is %d wide", w)
	}
	ink := 0
	for i := 0; i < len(out.Pix); i += 4 {
		if out.Pix[i] == sheetInk.R && out.Pix[i+1] == sheetInk.G && out.Pix[i+2] == sheetInk.B {
			ink++
		}
	}
	if ink < 100 {
		t.Errorf("only %d pixels of ink", ink)
	}
	for name, bad := range map[string]Sheet{
		"no rows at all": {CellW: 10, CellH: 10},
		"no size":        {Heads: []string{"x"}},
		"a huge one":     {Heads: []string{"x"}, CellW: 15_000, CellH: 15_000, Rows: [][]Cell{{{}}}},
	} {
		if _, err := bad.Draw(); err == nil {
			t.Errorf("%s was drawn", name)
		}
	}
}

func TestAThumbnailLeavesItsPictureAlone(t *testing.T) {
	src := image.NewRGBA(image.Rect(0, 0, 30, 40))
	before := append([]byte(nil), src.Pix...)
	body, err := Thumbnail(src, 30, 40)
	if err != nil {
		t.Fatal(err)
	}
	for i := range before {
		if src.Pix[i] != before[i] {
			t.Fatal("the picture was flattened in place")
		}
	}
	if info, err := PhotoHeader(body, PhotoLimits{}); err != nil || info.Width != 30 || info.Height != 40 {
		t.Errorf("the thumbnail is %+v, %v", info, err)
	}
}

func TestProfilesAreForeignUnlessTheyCallThemselvesSRGB(t *testing.T) {
	png := func(chunk string) []byte {
		body := []byte("\x89PNG\r\n\x1a\n")
		return append(body, append([]byte{0, 0, 0, byte(len(chunk) - 4)}, chunk+"\x00\x00\x00\x00"...)...)
	}
	icc := func(name string) []byte {
		payload := "ICC_PROFILE\x00\x01\x01" + name
		return append([]byte{0xff, 0xd8, 0xff, 0xe2, 0, byte(len(payload) + 2)}, payload+"\xff\xda\x00\x02"...)
	}
	tests := map[string]struct {
		data []byte
		want bool
	}{
		"PNG without one":    {png("gAMAxxxx"), false},
		"PNG with sRGB":      {png("iCCPsRGB IEC61966\x00\x00x"), false},
		"PNG with Adobe RGB": {png("iCCPAdobe RGB (1998)\x00\x00x"), true},
		"JPEG with sRGB":     {icc("desc s\x00R\x00G\x00B\x00"), false},
		"JPEG with Display":  {icc("desc Display P3"), true},
		"JPEG cut off":       {[]byte{0xff, 0xd8, 0xff, 0xe2, 0xff}, false},
		"nothing":            {nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, got := ForeignProfile(tt.data); got != tt.want {
				t.Errorf("foreign is %v, want %v", got, tt.want)
			}
		})
	}
}
