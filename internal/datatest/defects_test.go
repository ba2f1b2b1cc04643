package datatest_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/synth"
)

const (
	photo   = "train/image/000002_00.png"
	garment = "train/cloth/000002_00.png"
	mask    = "train/cloth-mask/000002_00.png"
	parse   = "train/image-parse-v3/000002_00.png"
)

// asPNG encodes a picture.
func asPNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// drawn is a picture of a size whose pixels are what of says.
func drawn[T interface {
	image.Image
	Set(x, y int, c color.Color)
}](img T, of func(x, y int) color.Color) T {
	b := img.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			img.Set(x, y, of(x, y))
		}
	}
	return img
}

func grey(w, h int, of func(x, y int) uint8) image.Image {
	return drawn(image.NewGray(image.Rect(0, 0, w, h)), func(x, y int) color.Color { return color.Gray{Y: of(x, y)} })
}

func colourful(x, y int) color.Color {
	return color.NRGBA{R: uint8(5 * x), G: uint8(4 * y), B: uint8(3*x + 3*y), A: 255}
}

// withChunk puts a chunk behind the header of a PNG.
func withChunk(body []byte, kind string, content []byte) []byte {
	typed := append([]byte(kind), content...)
	chunk := append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), typed...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(typed))
	const header = 8 + 25
	return append(append(append([]byte(nil), body[:header]...), chunk...), body[header:]...)
}

// The faults of internal/synth show each check once; these are the other things that the checks are for.
func TestEveryFurtherDefectOfAPictureIsFoundByItsCheck(t *testing.T) {
	const w, h = 48, 64
	size := image.Rect(0, 0, w, h)
	plain := asPNG(t, drawn(image.NewRGBA(size), colourful))
	tests := map[string]struct {
		path  string
		body  []byte
		check string
		want  string
	}{
		"a square photograph":             {photo, asPNG(t, drawn(image.NewRGBA(image.Rect(0, 0, h, h)), colourful)), "size-and-aspect", "64x64 is not 4:3 upright"},
		"a photograph of 16 bits":         {photo, asPNG(t, drawn(image.NewNRGBA64(size), colourful)), "picture-mode", "mode 16 bits"},
		"a photograph with a palette":     {photo, asPNG(t, drawn(image.NewPaletted(size, color.Palette{color.Black, color.White}), colourful)), "picture-mode", "mode palette"},
		"a photograph in grey":            {photo, asPNG(t, grey(w, h, func(x, y int) uint8 { return uint8(5*x + y) })), "picture-mode", "mode grey"},
		"a parse map in colours":          {parse, plain, "picture-mode", "a parse map in mode colour"},
		"a mask with an alpha channel":    {mask, asPNG(t, drawn(image.NewNRGBA(size), func(x, _ int) color.Color { return color.NRGBA{A: uint8(200 + x)} })), "picture-mode", "a mask in mode colour with alpha"},
		"a photograph in Adobe RGB":       {photo, withChunk(plain, "iCCP", []byte("Adobe RGB (1998)\x00\x00x")), "colour-profile", "Adobe RGB (1998)"},
		"a garment of one colour":         {garment, asPNG(t, drawn(image.NewRGBA(size), func(int, int) color.Color { return color.White })), "near-blank", "luma varies by 0.0 levels"},
		"a photograph of two extremes":    {photo, asPNG(t, drawn(image.NewRGBA(size), func(x, _ int) color.Color { return color.Gray{Y: uint8(255 * (x % 2))} })), "near-blank", "pure black or white"},
		"an inverted mask":                {mask, asPNG(t, grey(w, h, func(x, y int) uint8 { return white(x < 12 || x > 36 || y < 16 || y > 48) })), "mask-binary", "looks inverted"},
		"a mask that is all white":        {mask, asPNG(t, grey(w, h, func(int, int) uint8 { return 255 })), "garment-coverage", "covers 100.0%"},
		"a small garment":                 {mask, asPNG(t, grey(w, h, func(x, y int) uint8 { return white(x > 15 && x < 33 && y > 20 && y < 42) })), "small-garment", "covers 11.6%"},
		"an id that is not in CIHP-20":    {parse, asPNG(t, grey(w, h, func(x, _ int) uint8 { return uint8(5 + 16*(x/24)) })), "parse-palette", "class id 21 is not in CIHP-20"},
		"a map that was interpolated":     {parse, asPNG(t, grey(300, 400, func(x, y int) uint8 { return rare(x, y) })), "parse-palette", "resized with interpolation"},
		"upper clothes at the feet":       {parse, asPNG(t, grey(w, h, func(_, y int) uint8 { return uint8(5 * (y / 58)) })), "palette-identity", "has its centre at y"},
		"a map without any upper clothes": {parse, asPNG(t, grey(w, h, func(int, int) uint8 { return 9 })), "palette-identity", "another palette?"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := draw(t)
			if err := os.WriteFile(filepath.Join(s.dir, tt.path), tt.body, 0o644); err != nil {
				t.Fatal(err)
			}
			r := find(t, s.test(t), tt.check)
			if r.Offenders != 1 || r.Named[0].Path != tt.path || !strings.Contains(r.Named[0].Detail, tt.want) {
				t.Errorf("%d offenders %v, want %s with %q", r.Offenders, r.Named, tt.path, tt.want)
			}
		})
	}
}

func white(yes bool) uint8 {
	if yes {
		return 255
	}
	return 0
}

// rare gives ids 10 to 15 to one pixel each.
func rare(x, y int) uint8 {
	if y == 0 && x < 6 {
		return uint8(10 + x)
	}
	return 5
}

// Photographs are often JPEG, whose orientation and profile stand elsewhere than those of a PNG.
func TestAJPEGThatAsksToBeTurnedIsAnOffender(t *testing.T) {
	s := &subject{dir: filepath.Join(t.TempDir(), "data"), store: draw(t).store}
	if err := synth.Generate(t.Context(), synth.Options{Dir: s.dir, Seed: 7, Train: 6, Test: 2, Height: 64, Width: 48, Photo: synth.PhotoJPEG}); err != nil {
		t.Fatal(err)
	}
	if full := s.test(t); failing(full) != nil {
		t.Fatalf("a clean dataset of JPEGs fails %v", failing(full))
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, drawn(image.NewRGBA(image.Rect(0, 0, 48, 64)), colourful), nil); err != nil {
		t.Fatal(err)
	}
	exif := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	segment := append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2)), exif...)
	path := "train/image/000002_00.jpg"
	if err := os.WriteFile(filepath.Join(s.dir, path), append(append([]byte{0xff, 0xd8}, segment...), out.Bytes()[2:]...), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := find(t, s.test(t), "exif-orientation"); r.Offenders != 1 || r.Named[0].Path != path || !strings.Contains(r.Named[0].Detail, "orientation 6") {
		t.Errorf("%d offenders %v", r.Offenders, r.Named)
	}
}

func TestADefectOfAListIsFoundByItsCheck(t *testing.T) {
	tests := map[string]struct {
		change func(list string) string
		check  string
		want   string
	}{
		"a list without a row":      {func(string) string { return "" }, "manifest-completeness", "the train split is empty"},
		"another extension":         {func(s string) string { return strings.Replace(s, "000002_00.png", "000002_00.jpg", 1) }, "pair-list-syntax", "names 000002_00.jpg, the file is train/image/000002_00.png"},
		"a byte order mark":         {func(s string) string { return "\xef\xbb\xbf" + s }, "pair-list-syntax", "byte order mark"},
		"a row that is there twice": {func(s string) string { first, _, _ := strings.Cut(s, "\n"); return s + first + "\n" }, "pair-list-syntax", "repeats line 1"},
		"a row of one field":        {func(s string) string { return s + "000003_00.png\n" }, "pair-list-syntax", "has 1 fields"},
		"a garment of somebody else": {func(s string) string {
			return strings.Replace(s, "000002_00.png 000002_00.png", "000002_00.png 000003_00.png", 1)
		}, "pairing-rule", "pairs it with 000003_00.png"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := draw(t)
			path := filepath.Join(s.dir, "train_pairs.txt")
			list, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.change(string(list))), 0o644); err != nil {
				t.Fatal(err)
			}
			r := find(t, s.test(t), tt.check)
			if r.Offenders == 0 || !strings.Contains(r.Named[0].Detail, tt.want) {
				t.Errorf("%d offenders %v, want %q", r.Offenders, r.Named, tt.want)
			}
		})
	}
}

func TestAnotherPhotoOfATrainingGarmentIsReportedByItsName(t *testing.T) {
	s := draw(t)
	found, err := filepath.Glob(filepath.Join(s.dir, "test", "cloth", "*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("%v, %v", found, err)
	}
	if err := os.Rename(found[0], filepath.Join(s.dir, "test", "cloth", "000002_00.png")); err != nil {
		t.Fatal(err)
	}
	r := find(t, s.test(t), "train-test-garments")
	if r.Offenders != 1 || r.Named[0].See != garment || !strings.Contains(r.Named[0].Detail, "has the name of") {
		t.Errorf("%d offenders %v", r.Offenders, r.Named)
	}
}

// The three parts of check 35: persons block, garments are only reported.
func TestAGarmentOfBothSplitsIsReportedAndDoesNotBlock(t *testing.T) {
	s := draw(t)
	for _, folder := range []string{"cloth", "cloth-mask"} {
		found, err := filepath.Glob(filepath.Join(s.dir, "test", folder, "*"))
		if err != nil || len(found) == 0 {
			t.Fatalf("%v, %v", found, err)
		}
		body, err := os.ReadFile(filepath.Join(s.dir, "train", folder, "000002_00.png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(found[0], body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	full := s.test(t)
	r := find(t, full, "train-test-garments")
	if r.Offenders != 1 || r.Verdict != "Passed" || r.Named[0].See != garment {
		t.Errorf("%s with %d offenders %v", r.Verdict, r.Offenders, r.Named)
	}
	if leak := find(t, full, "train-test-leak"); leak.Offenders != 0 {
		t.Errorf("persons offend: %v", leak.Named)
	}
}
