package imaging_test

import (
	"fmt"
	"image"
	"math/rand/v2"
	"runtime"
	"testing"

	xdraw "golang.org/x/image/draw"

	"github.com/braincreators/tryon-operator/internal/imaging"
)

// noise has edges everywhere, so that the kernel overshoots; its alpha is not less than its colours.
func noise(w, h int) *image.RGBA {
	dice, img := rand.New(rand.NewPCG(1, 2)), image.NewRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(img.Pix); i += 4 {
		alpha := max(byte(dice.IntN(256)), byte(dice.IntN(2)*255))
		img.Pix[i+3] = alpha
		for c := range 3 {
			img.Pix[i+c] = byte(dice.IntN(int(alpha) + 1))
		}
	}
	return img
}

// checkAlike allows a sample in a thousand to be rounded the other way.
func checkAlike(t *testing.T, got, want *image.RGBA) {
	t.Helper()
	differ := 0
	for i := range want.Pix {
		if d := int(got.Pix[i]) - int(want.Pix[i]); d*d > 1 {
			t.Fatalf("sample %d is %d, want %d", i, got.Pix[i], want.Pix[i])
		} else if d != 0 {
			differ++
		}
	}
	if differ*1000 > len(want.Pix) {
		t.Errorf("%d of %d samples differ by one", differ, len(want.Pix))
	}
}

func TestAPictureIsScaledAsByAKernelOverTheWhole(t *testing.T) {
	for _, size := range [][4]int{{97, 61, 40, 30}, {97, 61, 41, 150}, {64, 48, 128, 96}, {30, 20, 211, 117}, {64, 48, 64, 24}, {1, 1, 5, 7}, {5, 7, 1, 1}, {300, 2, 100, 9}} {
		t.Run(fmt.Sprintf("%dx%d to %dx%d", size[0], size[1], size[2], size[3]), func(t *testing.T) {
			src, w, h := noise(size[0], size[1]), size[2], size[3]
			want := image.NewRGBA(image.Rect(0, 0, w, h))
			xdraw.CatmullRom.Scale(want, want.Rect, src, src.Rect, xdraw.Src, nil)
			whole := image.NewRGBA(want.Rect)
			imaging.Scale(whole, w, h, src)
			checkAlike(t, whole, want)
			part := image.NewRGBA(image.Rect(w/3, h/4, w-w/5, h-h/6))
			imaging.Scale(part, w, h, src)
			for y := part.Rect.Min.Y; y < part.Rect.Max.Y; y++ {
				for x := part.Rect.Min.X; x < part.Rect.Max.X; x++ {
					if part.RGBAAt(x, y) != whole.RGBAAt(x, y) {
						t.Fatalf("at %d, %d a part has %v, the whole %v", x, y, part.RGBAAt(x, y), whole.RGBAAt(x, y))
					}
				}
			}
		})
	}
}

func TestScalingTakesLittleMoreThanItsResult(t *testing.T) {
	src := image.NewRGBA(image.Rect(0, 0, 3000, 4000))
	for name, size := range map[string][2]int{"smaller": {768, 1024}, "larger": {3200, 4100}} {
		t.Run(name, func(t *testing.T) {
			dst := image.NewRGBA(image.Rect(0, 0, size[0], size[1]))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			imaging.Scale(dst, size[0], size[1], src)
			runtime.ReadMemStats(&after)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 3<<20 {
				t.Errorf("%d bytes are taken, want 3 MiB at most", taken)
			}
		})
	}
}

func BenchmarkScale(b *testing.B) {
	src, dst := noise(2000, 3000), image.NewRGBA(image.Rect(0, 0, 768, 1024))
	b.Run("row by row", func(b *testing.B) {
		for b.Loop() {
			imaging.Scale(dst, 768, 1024, src)
		}
	})
	b.Run("golang.org/x/image", func(b *testing.B) {
		for b.Loop() {
			xdraw.CatmullRom.Scale(dst, dst.Rect, src, src.Rect, xdraw.Src, nil)
		}
	})
}
