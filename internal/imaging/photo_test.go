package imaging

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"runtime"
	"testing"
)

// marked is a small picture whose four corners tell how it was turned.
func marked() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 40, 24))
	for i := range img.Pix {
		img.Pix[i] = 128
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	for y := range 8 {
		for x := range 8 {
			img.SetRGBA(x, y, color.RGBA{255, 0, 0, 255})
			img.SetRGBA(39-x, y, color.RGBA{0, 255, 0, 255})
		}
	}
	return img
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// encodeJPEG writes a JPEG whose EXIF block is given, nil for none.
func encodeJPEG(t testing.TB, img image.Image, exif []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	if exif == nil {
		return out.Bytes()
	}
	body := append([]byte("Exif\x00\x00"), exif...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(body)+2))
	return append(append(head, body...), out.Bytes()[2:]...)
}

func tiff(order binary.AppendByteOrder, mark string, orientation uint16) []byte {
	b := []byte(mark)
	b = order.AppendUint16(b, 42)
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, 0x0112)
	b = order.AppendUint16(b, 3)
	b = order.AppendUint32(b, 1)
	b = order.AppendUint16(b, orientation)
	b = order.AppendUint16(b, 0)
	// The next IFD is this one: a loop for whoever follows it.
	return order.AppendUint32(b, 8)
}

func TestEveryOrientationIsTurnedUpright(t *testing.T) {
	// Where the stored picture's upper left (red) and upper right (green) corner belong.
	want := map[uint16][2]image.Point{
		1: {{0, 0}, {39, 0}}, 2: {{39, 0}, {0, 0}}, 3: {{39, 23}, {0, 23}}, 4: {{0, 23}, {39, 23}},
		5: {{0, 0}, {0, 39}}, 6: {{23, 0}, {23, 39}}, 7: {{23, 39}, {23, 0}}, 8: {{0, 39}, {0, 0}},
		0: {{0, 0}, {39, 0}}, 9: {{0, 0}, {39, 0}},
	}
	for orientation, corners := range want {
		for name, exif := range map[string][]byte{"little endian": tiff(binary.LittleEndian, "II", orientation), "big endian": tiff(binary.BigEndian, "MM", orientation)} {
			img, _, err := DecodePhoto(encodeJPEG(t, marked(), exif), PhotoLimits{})
			if err != nil {
				t.Fatal(err)
			}
			red, green := img.RGBAAt(corners[0].X, corners[0].Y), img.RGBAAt(corners[1].X, corners[1].Y)
			if red.R < 200 || red.G > 80 || green.G < 200 || green.R > 80 {
				t.Errorf("orientation %d, %s: corners %v %v", orientation, name, red, green)
			}
		}
	}
}

func header(width, height uint32) []byte {
	ihdr := []byte("IHDR")
	ihdr = binary.BigEndian.AppendUint32(ihdr, width)
	ihdr = binary.BigEndian.AppendUint32(ihdr, height)
	ihdr = append(ihdr, 8, 2, 0, 0, 0)
	out := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), 13)
	out = append(out, ihdr...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(ihdr))
}

func TestAPictureOfAnotherFormatIsCalledByItsName(t *testing.T) {
	for data, want := range map[string]string{
		"RIFF\x40\x00\x00\x00WEBPVP8X": "WebP", "GIF89a\x01\x00": "GIF", "\x00\x00\x00\x1cftypavif\x00": "AVIF", "\x00\x00\x00\x18ftypheic\x00": "HEIC",
		"\x00\x00\x00\x18ftypmif1\x00": "HEIF", "II*\x00\x08": "TIFF", "MM\x00*\x00": "TIFF", "BM\x36\x00": "BMP",
	} {
		_, err := PhotoHeader([]byte(data), PhotoLimits{})
		if text := fmt.Sprint(err); !errors.Is(err, ErrNotPicture) || text != "neither PNG nor JPEG: this is a "+want+" picture" {
			t.Errorf("%q: %v, want it to be called %s", data, err, want)
		}
	}
}

func TestHostilePicturesAreRefusedWithoutMemory(t *testing.T) {
	whole := encodeJPEG(t, marked(), nil)
	scans := append([]byte{}, whole[:2]...)
	for range 10_000 {
		scans = append(scans, 0xff, 0xda, 0, 2)
	}
	tests := map[string]struct {
		data []byte
		want error
	}{
		"nothing":               {nil, ErrNotPicture},
		"text":                  {[]byte("hello"), ErrNotPicture},
		"a GIF":                 {[]byte("GIF89a\x01\x00\x01\x00"), ErrNotPicture},
		"50,000 x 50,000":       {header(50_000, 50_000), ErrTooManyPixels},
		"2^31 wide":             {header(1<<31-1, 1), ErrTooManyPixels},
		"no width":              {header(0, 5), ErrDamaged},
		"a header alone":        {header(10, 10), ErrDamaged},
		"half a JPEG":           {whole[:len(whole)/2], ErrDamaged},
		"a JPEG's first bytes":  {[]byte{0xff, 0xd8, 0xff}, ErrDamaged},
		"a JPEG of many scans":  {scans, ErrTooManyPixels},
		"a JPEG 65,500 a side":  {resized(whole, 65_500, 65_500), ErrTooManyPixels},
		"a PNG with a bad byte": {flipped(encodePNG(t, marked()), 60), ErrDamaged},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := DecodePhoto(tt.data, PhotoLimits{})
			runtime.ReadMemStats(&after)
			if !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
				t.Errorf("%d bytes are allocated", grown)
			}
		})
	}
}

// resized writes another size into a JPEG's frame header.
func resized(data []byte, width, height uint16) []byte {
	out := append([]byte{}, data...)
	at := bytes.Index(out, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(out[at+5:], height)
	binary.BigEndian.PutUint16(out[at+7:], width)
	return out
}

func flipped(data []byte, at int) []byte {
	data[at] ^= 0x55
	return data
}

func TestEveryCutOfAPictureIsAnErrorAndNoPanic(t *testing.T) {
	for format, whole := range map[string][]byte{"png": encodePNG(t, marked()), "jpeg": encodeJPEG(t, marked(), tiff(binary.LittleEndian, "II", 6))} {
		for n := range whole {
			_, _, err := DecodePhoto(whole[:n], PhotoLimits{})
			// A JPEG without its last marker is complete to every decoder.
			if err == nil && n < len(whole)-2 && format == "png" && n < len(whole)-12 {
				t.Errorf("the first %d of %d bytes of the %s pass", n, len(whole), format)
			}
		}
	}
}

func FuzzDecodePhoto(f *testing.F) {
	f.Add(encodePNG(f, marked()))
	f.Add(encodeJPEG(f, marked(), tiff(binary.BigEndian, "MM", 8)))
	f.Fuzz(func(t *testing.T, data []byte) {
		img, info, err := DecodePhoto(data, PhotoLimits{Pixels: 1 << 20})
		if err == nil {
			if img.Rect.Min != (image.Point{}) || img.Rect.Dx()*img.Rect.Dy() != info.Width*info.Height {
				t.Errorf("%v of %+v", img.Rect, info)
			}
			return
		}
		if !errors.Is(err, ErrNotPicture) && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrTooManyPixels) {
			t.Errorf("untyped error %v", err)
		}
	})
}

func TestALetterboxKeepsProportionsAndPads(t *testing.T) {
	for _, tt := range []struct {
		w, h int
		want image.Rectangle
	}{{40, 40, image.Rect(0, 10, 60, 70)}, {400, 100, image.Rect(0, 33, 60, 48)}, {10, 1000, image.Rect(30, 0, 31, 80)}, {6, 8, image.Rect(0, 0, 60, 80)}} {
		t.Run(fmt.Sprintf("%dx%d", tt.w, tt.h), func(t *testing.T) {
			src := image.NewRGBA(image.Rect(0, 0, tt.w, tt.h))
			for i := range src.Pix {
				src.Pix[i] = 200
			}
			pad := color.RGBA{1, 2, 3, 255}
			got, content := LetterboxRGBA(Flatten(src, color.RGBA{0, 0, 0, 255}), 60, 80, pad)
			if content.Size() != tt.want.Size() || !content.In(got.Rect) {
				t.Errorf("content %v, want %v", content, tt.want)
			}
			middle := got.RGBAAt((content.Min.X+content.Max.X)/2, (content.Min.Y+content.Max.Y)/2)
			if middle != (color.RGBA{200, 200, 200, 255}) {
				t.Errorf("the middle is %v", middle)
			}
			if content.Min.Y > 0 && got.RGBAAt(30, 0) != pad {
				t.Errorf("the padding is %v", got.RGBAAt(30, 0))
			}
		})
	}
}

func TestShrinkingKeepsTheMeanLevel(t *testing.T) {
	src := image.NewRGBA(image.Rect(0, 0, 1001, 777))
	state := uint32(1)
	sum := 0
	for i := range src.Pix {
		state = state*1664525 + 1013904223
		src.Pix[i] = byte(state >> 24)
		if i%4 == 3 {
			src.Pix[i] = 255
		} else {
			sum += int(src.Pix[i])
		}
	}
	got := ResizeRGBA(src, 64, 48)
	small := 0
	for i, v := range got.Pix {
		if i%4 != 3 {
			small += int(v)
		}
	}
	if a, b := float64(sum)/(1001*777*3), float64(small)/(64*48*3); a-b > 1.5 || b-a > 1.5 {
		t.Errorf("mean level %.2f became %.2f", a, b)
	}
}
