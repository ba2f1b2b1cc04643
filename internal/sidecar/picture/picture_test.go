package picture

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
)

func plain(w, h int, c color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return img
}

func fill(img *image.RGBA, r image.Rectangle, c color.RGBA) {
	draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// noise adds a repeatable pattern of up to n levels, as sensors and JPEG do.
func noise(img *image.RGBA, n int) *image.RGBA {
	state := uint32(7)
	for i := range img.Pix {
		if i%4 == 3 {
			continue
		}
		state = state*1664525 + 1013904223
		img.Pix[i] = byte(min(255, max(0, int(img.Pix[i])+int(state>>16)%(2*n+1)-n)))
	}
	return img
}

// photoOf is a noisy wall that darkens downwards: no picture of one colour at any size.
func photoOf(w, h int, c color.RGBA) *image.RGBA {
	img := plain(w, h, c)
	for i := range img.Pix {
		if i%4 != 3 {
			img.Pix[i] -= byte(40 * (i / img.Stride) / h)
		}
	}
	return noise(img, 12)
}

var (
	wall = color.RGBA{240, 238, 236, 255}
	red  = color.RGBA{180, 30, 40, 255}
)

// tee draws a T-shirt: torso, sleeves, and gaps below the sleeves; truth is its mask.
func tee(w, h int, background, cloth color.RGBA) (img *image.RGBA, truth []byte) {
	img = plain(w, h, background)
	shape := plain(w, h, color.RGBA{0, 0, 0, 255})
	for _, r := range []image.Rectangle{
		image.Rect(w*30/100, h*20/100, w*70/100, h*85/100),
		image.Rect(w*12/100, h*20/100, w*30/100, h*45/100),
		image.Rect(w*70/100, h*20/100, w*88/100, h*45/100),
	} {
		fill(img, r, cloth)
		fill(shape, r, color.RGBA{255, 255, 255, 255})
	}
	return img, maskFromPicture(shape)
}

func iou(a, b []byte) float64 {
	both, either := 0, 0
	for i := range a {
		if a[i] != 0 && b[i] != 0 {
			both++
		}
		if a[i] != 0 || b[i] != 0 {
			either++
		}
	}
	return float64(both) / float64(either)
}

func TestAMaskIsDerivedFromAPlainBackground(t *testing.T) {
	tests := map[string]struct {
		draw func() (*image.RGBA, []byte)
		want float64
	}{
		"on white": {func() (*image.RGBA, []byte) { return tee(120, 160, color.RGBA{255, 255, 255, 255}, red) }, 0.99},
		"on noise": {func() (*image.RGBA, []byte) {
			img, truth := tee(120, 160, wall, red)
			return noise(img, 6), truth
		}, 0.97},
		"in another colour on a coloured wall": {func() (*image.RGBA, []byte) {
			return tee(240, 320, color.RGBA{60, 90, 120, 255}, color.RGBA{200, 190, 40, 255})
		}, 0.98},
		"with a sleeve that touches the frame": {func() (*image.RGBA, []byte) {
			img, truth := tee(120, 160, wall, red)
			fill(img, image.Rect(0, 40, 30, 60), red)
			for y := 40; y < 60; y++ {
				for x := range 30 {
					truth[y*120+x] = 255
				}
			}
			return img, truth
		}, 0.98},
		"with a print of nearly the wall's colour": {func() (*image.RGBA, []byte) {
			img, truth := tee(120, 160, wall, red)
			fill(img, image.Rect(50, 60, 70, 90), color.RGBA{252, 250, 248, 255})
			return img, truth
		}, 0.99},
		"with a stripe of the wall's colour across": {func() (*image.RGBA, []byte) {
			img, truth := tee(200, 260, wall, red)
			fill(img, image.Rect(60, 130, 140, 133), wall)
			return img, truth
		}, 0.97},
		"with a hole between arm and body": {func() (*image.RGBA, []byte) {
			img, truth := tee(120, 160, wall, red)
			fill(img, image.Rect(45, 70, 75, 110), wall)
			for y := 70; y < 110; y++ {
				for x := 45; x < 75; x++ {
					truth[y*120+x] = 0
				}
			}
			return img, truth
		}, 0.97},
		"with specks beside it": {func() (*image.RGBA, []byte) {
			img, truth := tee(120, 160, wall, red)
			fill(img, image.Rect(5, 150, 8, 153), red)
			return img, truth
		}, 0.99},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			img, truth := tt.draw()
			got, err := DeriveMask(img)
			if err != nil {
				t.Fatal(err)
			}
			if overlap := iou(got, truth); overlap < tt.want {
				t.Errorf("overlap with the truth %.3f, want %.2f", overlap, tt.want)
			}
		})
	}
}

func TestWhatIsNotPlainIsRefused(t *testing.T) {
	busy := noise(plain(120, 160, wall), 90)
	lost, _ := tee(120, 160, wall, wall)
	speck := plain(120, 160, wall)
	fill(speck, image.Rect(50, 50, 56, 56), red)
	full := plain(120, 160, wall)
	fill(full, image.Rect(2, 2, 118, 158), red)
	for name, img := range map[string]*image.RGBA{"a busy wall": busy, "a garment of the wall's colour": lost, "a speck": speck, "a close-up": full} {
		if _, err := DeriveMask(img); !errors.Is(err, ErrNotPlain) {
			t.Errorf("%s: %v, want %v", name, err, ErrNotPlain)
		}
	}
}

func TestTransparencyIsTheMask(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 120, 160))
	fill(img, image.Rect(30, 40, 90, 120), red)
	in, err := Prepare(oip.NewSignature(160, 120), photoOf(120, 160, wall), img, nil)
	if err != nil {
		t.Fatal(err)
	}
	if at := 80*120 + 60; in.GarmentMask[at] != 255 || in.Garment[3*at] != red.R {
		t.Errorf("inside: mask %d, level %d", in.GarmentMask[at], in.Garment[3*at])
	}
	if in.GarmentMask[0] != 0 || in.Garment[0] != 255 {
		t.Errorf("outside: mask %d, level %d; want 0 on white", in.GarmentMask[0], in.Garment[0])
	}
}

func TestPicturesOfOtherProportionsAreNeverStretched(t *testing.T) {
	garment, _ := tee(400, 200, wall, red)
	in, err := Prepare(oip.NewSignature(160, 120), photoOf(500, 250, wall), garment, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := image.Rect(0, 50, 120, 110); in.Content != want {
		t.Errorf("content %v, want %v", in.Content, want)
	}
	share := float64(grid{pix: in.GarmentMask}.count()) / (120 * 60)
	if _, truth := tee(400, 200, wall, red); math.Abs(share-float64(grid{pix: truth}.count())/80_000) > 0.01 {
		t.Errorf("the mask covers %.3f of the garment's picture", share)
	}
	for y := range 160 {
		if (y < 50 || y >= 110) && in.GarmentMask[y*120+60] != 0 {
			t.Fatalf("the mask reaches into the padding at row %d", y)
		}
	}
}

// scene is a photo and a model's answer in which the torso changed.
func scene(t *testing.T, photoW, photoH int) (photo *image.RGBA, in Inputs, out oip.Result) {
	t.Helper()
	photo = photoOf(photoW, photoH, color.RGBA{90, 120, 150, 255})
	garment, _ := tee(120, 160, wall, red)
	in, err := Prepare(oip.NewSignature(160, 120), photo, garment, nil)
	if err != nil {
		t.Fatal(err)
	}
	out = oip.Result{Image: append([]byte{}, in.Person...), WarpedMask: make([]byte, 160*120), CompositeMask: make([]byte, 160*120)}
	for y := 60; y < 120; y++ {
		for x := 40; x < 80; x++ {
			i := y*120 + x
			out.WarpedMask[i], out.CompositeMask[i] = 255, 255
			copy(out.Image[3*i:], []byte{180, 30, 40})
		}
	}
	return photo, in, out
}

func TestOnlyWhatChangedComesFromTheModel(t *testing.T) {
	photo, in, out := scene(t, 480, 640)
	// The generator redraws the face and shifts the background's level: neither may reach the reply.
	for y := 5; y < 40; y++ {
		for x := 45; x < 75; x++ {
			copy(out.Image[3*(y*120+x):], []byte{250, 200, 180})
		}
	}
	before := append([]byte{}, photo.Pix...)
	got, scores, err := Compose(photo, in, out)
	if err != nil {
		t.Fatal(err)
	}
	same := func(x, y int) bool {
		i := got.PixOffset(x, y)
		return string(got.Pix[i:i+4]) == string(before[i:i+4])
	}
	for name, at := range map[string]image.Point{"the face": {240, 80}, "a corner": {1, 1}, "the wall": {40, 360}, "the feet": {240, 620}} {
		if !same(at.X, at.Y) {
			t.Errorf("%s changed", name)
		}
	}
	if c := got.RGBAAt(240, 360); c.R < 170 || c.G > 50 {
		t.Errorf("the chest is %v, want the garment", c)
	}
	if scores.WarpAreaRatio <= 0.3 || scores.OutsideChange <= 0.02 || scores.Changed < 0.1 || scores.Changed > 0.2 {
		t.Errorf("scores %+v", scores)
	}
}

func TestBaredArmsComeWithTheGarmentButTheFaceDoesNot(t *testing.T) {
	photo, in, out := scene(t, 120, 160)
	for y := 10; y < 120; y++ {
		for x := 80; x < 90; x++ {
			copy(out.Image[3*(y*120+x):], []byte{220, 170, 140})
		}
	}
	got, _, err := Compose(photo, in, out)
	if err != nil {
		t.Fatal(err)
	}
	if c := got.RGBAAt(85, 100); c.R < 200 {
		t.Errorf("the arm is %v, want skin", c)
	}
	if c := got.RGBAAt(85, 30); c.R > 150 {
		t.Errorf("above the collar it is %v, want the photo", c)
	}
}

func TestAnEmptyAnswerIsRefused(t *testing.T) {
	photo, in, out := scene(t, 120, 160)
	clear(out.Image)
	if _, _, err := Compose(photo, in, out); !errors.Is(err, ErrEmptyResult) {
		t.Errorf("a black picture: %v, want %v", err, ErrEmptyResult)
	}
}

func TestThePasteIsWhereTheLetterboxWas(t *testing.T) {
	for name, size := range map[string]image.Point{"wide": {640, 300}, "tall": {200, 700}, "large": {1200, 1600}, "small": {60, 80}} {
		t.Run(name, func(t *testing.T) {
			photo := photoOf(size.X, size.Y, wall)
			want := imaging.FitInside(size.X, size.Y, 120, 160)
			garment, _ := tee(120, 160, wall, red)
			in, err := Prepare(oip.NewSignature(160, 120), photo, garment, nil)
			if err != nil || in.Content != want {
				t.Fatalf("content %v, %v; want %v", in.Content, err, want)
			}
			out := oip.Result{Image: append([]byte{}, in.Person...), WarpedMask: make([]byte, 160*120), CompositeMask: make([]byte, 160*120)}
			// The left upper quarter of the content turns green.
			half := image.Rect(want.Min.X, want.Min.Y, want.Min.X+want.Dx()/2, want.Min.Y+want.Dy()/2)
			for y := half.Min.Y; y < half.Max.Y; y++ {
				for x := half.Min.X; x < half.Max.X; x++ {
					out.WarpedMask[y*120+x] = 255
					copy(out.Image[3*(y*120+x):], []byte{0, 200, 0})
				}
			}
			got, _, err := Compose(photo, in, out)
			if err != nil {
				t.Fatal(err)
			}
			if c := got.RGBAAt(size.X/4, size.Y/4); c.G < 180 || c.R > 40 {
				t.Errorf("inside the quarter: %v", c)
			}
			if c := got.RGBAAt(size.X*3/4, size.Y*3/4); c.R < 180 {
				t.Errorf("outside the quarter: %v", c)
			}
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	garment, _ := tee(768, 1024, wall, red)
	for b.Loop() {
		if _, err := Prepare(oip.NewSignature(256, 192), photoOf(768, 1024, wall), garment, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompose(b *testing.B) {
	photo := photoOf(768, 1024, color.RGBA{90, 120, 150, 255})
	garment, _ := tee(120, 160, wall, red)
	in, err := Prepare(oip.NewSignature(256, 192), photo, garment, nil)
	if err != nil {
		b.Fatal(err)
	}
	out := oip.Result{Image: append([]byte{}, in.Person...), WarpedMask: in.GarmentMask, CompositeMask: in.GarmentMask}
	for b.Loop() {
		if _, _, err := Compose(photo, in, out); err != nil {
			b.Fatal(err)
		}
	}
}
