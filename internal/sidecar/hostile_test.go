package sidecar

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// noLeaks checks at the end of a test that as many goroutines are left as before it. Call it first.
func noLeaks(t testing.TB) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		until(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
	})
}

// served checks that another shopper gets a picture in time.
func (p *pod) served(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	contentType, body := form(t, usual(t))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.front+"/v1/tryon", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if resp, out := do(t, req); resp.StatusCode != http.StatusOK {
		t.Errorf("another shopper: %s %.200s", resp.Status, out)
	}
}

func jpegOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// segment is a JPEG marker with its body.
func segment(marker byte, body ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2)), body...)
}

// after puts segments behind a JPEG's first marker.
func after(file []byte, segments ...[]byte) []byte {
	return append(append([]byte{0xff, 0xd8}, bytes.Join(segments, nil)...), file[2:]...)
}

// profile is a colour profile of a megabyte, in as many segments as that takes.
func profile() [][]byte {
	var all [][]byte
	for i := range 16 {
		all = append(all, segment(0xe2, append([]byte("ICC_PROFILE\x00"+string(rune(i+1))+"\x10"), make([]byte, 65_000)...)...))
	}
	return all
}

// chunk is one of a PNG file.
func chunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, kind...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// withChunk puts a chunk behind a PNG's header.
func withChunk(file []byte, kind string, body []byte) []byte {
	return append(append(append([]byte{}, file[:33]...), chunk(kind, body)...), file[33:]...)
}

// bomb compresses many zeros.
func bomb(n int) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	block := make([]byte, 1<<20)
	for range n {
		_, _ = w.Write(block)
	}
	_ = w.Close()
	return out.Bytes()
}

// cmyk is a JPEG of four colours, as print shops send them: 64 blocks whose only coefficient is 0 or, on the lower half, a brighter one.
func cmyk() []byte {
	tables := [][]byte{
		segment(0xee, append([]byte("Adobe"), 0, 100, 0, 0, 0, 0, 0)...),
		segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{8}, 64)...)...),
		segment(0xc0, 8, 0, 64, 0, 64, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0),
		// One code "0" for no difference, "10" for one of six bits; and one code "0" for the end of a block.
		segment(0xc4, append([]byte{0x00, 1, 1}, append(make([]byte, 14), 0, 6)...)...),
		segment(0xc4, append([]byte{0x10, 1}, append(make([]byte, 15), 0)...)...),
		segment(0xda, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0),
	}
	out := append([]byte{0xff, 0xd8}, bytes.Join(tables, nil)...)
	bits := strings.Builder{}
	for block := range 64 {
		for range 4 {
			if block == 32 {
				bits.WriteString("10" + "111100" + "0")
			} else {
				bits.WriteString("0" + "0")
			}
		}
	}
	for text := bits.String(); text != ""; {
		n := min(8, len(text))
		var b byte
		_, _ = fmt.Sscanf(text[:n]+strings.Repeat("1", 8-n), "%b", &b)
		if out, text = append(out, b), text[n:]; b == 0xff {
			out = append(out, 0)
		}
	}
	return append(out, 0xff, 0xd9)
}

func deep(img *image.RGBA) *image.NRGBA64 {
	out := image.NewNRGBA64(img.Rect)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			out.Set(x, y, img.At(x, y))
		}
	}
	return out
}

func animated(t testing.TB) []byte {
	t.Helper()
	var all gif.GIF
	for range 50 {
		all.Image = append(all.Image, image.NewPaletted(image.Rect(0, 0, 64, 64), color.Palette{color.Black, color.White}))
		all.Delay = append(all.Delay, 1)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, &all); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestStrangePicturesAreServedOrGetTheirTypedError(t *testing.T) {
	noLeaks(t)
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.Photo.Pixels = 4_000_000 })
	photo, portrait := jpegOf(t, person(180, 240)), pngOf(t, person(180, 240))
	tests := map[string]struct {
		person []byte
		want   problem.Code
	}{
		"a JPEG":                           {photo, problem.CodeOK},
		"an animated WebP":                 {[]byte("RIFF\x40\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x3f\x00\x00\x3f\x00\x00ANIM"), problem.CodeNotDecodable},
		"an animated GIF":                  {animated(t), problem.CodeNotDecodable},
		"a HEIC":                           {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), problem.CodeNotDecodable},
		"a TIFF":                           {[]byte("II*\x00\x08\x00\x00\x00"), problem.CodeNotDecodable},
		"an SVG":                           {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>`), problem.CodeNotDecodable},
		"a JPEG with a profile of 1 MB":    {after(photo, profile()...), problem.CodeOK},
		"a JPEG with a huge comment":       {after(photo, segment(0xfe, make([]byte, 65_000)...)), problem.CodeOK},
		"a JPEG with broken EXIF":          {after(photo, segment(0xe1, []byte("Exif\x00\x00II*\x00\xff\xff\xff\xff")...)), problem.CodeOK},
		"a JPEG with a ZIP behind it":      {append(bytes.Clone(photo), "PK\x05\x06"+strings.Repeat("\x00", 18)...), problem.CodeOK},
		"a PNG whose profile is a bomb":    {withChunk(portrait, "iCCP", append([]byte("x\x00\x00"), bomb(200)...)), problem.CodeOK},
		"a PNG whose text is a bomb":       {withChunk(portrait, "zTXt", append([]byte("x\x00\x00"), bomb(200)...)), problem.CodeOK},
		"a PNG of 16 bits":                 {pngOf(t, deep(person(180, 240))), problem.CodeOK},
		"a JPEG of four colours":           {cmyk(), problem.CodeOK},
		"a PNG with a bomb behind pixels":  {pngBomb(200, 200, 300), problem.CodeNotDecodable},
		"a PNG of 4 million black pixels":  {pngOf(t, image.NewGray(image.Rect(0, 0, 2000, 2000))), problem.CodeInputRejected},
		"a PNG of 16 million black pixels": {pngOf(t, image.NewGray(image.Rect(0, 0, 4000, 4000))), problem.CodeTooLarge},
		"a PNG without a checksum":         {flipped(portrait, 31), problem.CodeNotDecodable},
		"a JPEG without width":             {resized(photo, 0, 240), problem.CodeNotDecodable},
		"a JPEG of 65,500 x 65,500":        {resized(photo, 65_500, 65_500), problem.CodeTooLarge},
	}
	for i := range 16 {
		name := fmt.Sprintf("a JPEG cut after %d sixteenths", i)
		tests[name] = struct {
			person []byte
			want   problem.Code
		}{photo[:len(photo)*i/16], problem.CodeNotDecodable}
	}
	delete(tests, "a JPEG cut after 0 sixteenths")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			contentType, body := form(t, with(usual(t), "person", tt.person))
			var before, afterwards runtime.MemStats
			runtime.ReadMemStats(&before)
			resp, out := post(t, p.front, contentType, body)
			runtime.ReadMemStats(&afterwards)
			if grown := afterwards.TotalAlloc - before.TotalAlloc; grown > 128<<20 {
				t.Errorf("it allocated %d MiB", grown>>20)
			}
			if tt.want == problem.CodeOK {
				if resp.StatusCode != http.StatusOK {
					t.Errorf("%s %.300s, want a picture", resp.Status, out)
				}
				return
			}
			if code, err := codeOf(resp, out); err != nil || code != tt.want {
				t.Errorf("code %s, %v, %.200s; want %s", code, err, out, tt.want)
			}
		})
	}
	p.served(t)
}

// pngBomb is a grey PNG of a small size whose pixels inflate to so many megabytes.
func pngBomb(w, h uint32, megabytes int) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(header, 8, 0, 0, 0, 0))...)
	out = append(out, chunk("IDAT", bomb(megabytes))...)
	return append(out, chunk("IEND", nil)...)
}

func flipped(file []byte, at int) []byte {
	out := bytes.Clone(file)
	out[at] ^= 1
	return out
}

// resized writes another size into a JPEG's frame header.
func resized(file []byte, w, h uint16) []byte {
	out := bytes.Clone(file)
	at := bytes.Index(out, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(out[at+5:], h)
	binary.BigEndian.PutUint16(out[at+7:], w)
	return out
}

// parts makes a multipart body of many fields with given names.
func parts(n int, name func(i int) string) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "--x\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\nv\r\n", name(i))
	}
	return out.String() + "--x--\r\n"
}

func TestStrangeFormsAndDocumentsGetTheirTypedError(t *testing.T) {
	noLeaks(t)
	p := start(t, runtimetest.Graph{})
	const multi, doc = "multipart/form-data; boundary=x", "application/json"
	picture := `"` + base64.StdEncoding.EncodeToString(pngOf(t, person(64, 64))) + `"`
	tests := map[string]struct {
		contentType, body string
		want              problem.Code
	}{
		"10,000 parts of one name":      {multi, parts(10_000, func(int) string { return "category" }), problem.CodeBadRequest},
		"10,000 parts of other names":   {multi, parts(10_000, func(i int) string { return fmt.Sprint("n", i) }), problem.CodeBadRequest},
		"a part without a name":         {multi, "--x\r\n\r\nv\r\n--x--\r\n", problem.CodeBadRequest},
		"a name that is not UTF-8":      {multi, parts(1, func(int) string { return "per\xff\xfeson" }), problem.CodeBadRequest},
		"a name with NUL":               {multi, parts(1, func(int) string { return "person\x00" }), problem.CodeBadRequest},
		"a part with huge headers":      {multi, "--x\r\nX: " + strings.Repeat("a", 11<<20) + "\r\n\r\nv\r\n--x--\r\n", problem.CodeBadRequest},
		"a part with 20,000 headers":    {multi, "--x\r\n" + strings.Repeat("X: a\r\n", 20_000) + "\r\nv\r\n--x--\r\n", problem.CodeBadRequest},
		"a category that is not UTF-8":  {doc, `{"person":` + picture + `,"garment":` + picture + `,"category":"` + "\xff" + `"}`, problem.CodeCategoryUnsupported},
		"an id that is not UTF-8":       {doc, `{"person":` + picture + `,"garmentId":"` + "\xff" + `"}`, problem.CodeGarmentNotFound},
		"a key twice":                   {doc, `{"person":` + picture + `,"garment":` + picture + `,"person":` + picture + `}`, problem.CodeBadRequest},
		"a key twice, once escaped":     {doc, `{"category":"tops","c\u0061tegory":"tops"}`, problem.CodeBadRequest},
		"a key in capitals":             {doc, `{"PERSON":` + picture + `}`, problem.CodeBadRequest},
		"10,000 keys":                   {doc, "{" + strings.Repeat(`"n":1,`, 10_000) + `"n":1}`, problem.CodeBadRequest},
		"a document that is no object":  {doc, `[{"person":"AA=="}]`, problem.CodeBadRequest},
		"a document that is null":       {doc, `null`, problem.CodeBadRequest},
		"a deep value":                  {doc, `{"seed":` + strings.Repeat("[", 100_000), problem.CodeBadRequest},
		"a deep value that is closed":   {doc, `{"seed":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}", problem.CodeBadRequest},
		"a deep value of unknown name":  {doc, `{"x":` + strings.Repeat(`{"a":`, 100_000), problem.CodeBadRequest},
		"a seed of 1e400":               {doc, `{"seed":1e400}`, problem.CodeBadRequest},
		"a seed over 64 bits":           {doc, `{"seed":9223372036854775808}`, problem.CodeBadRequest},
		"a seed of a million digits":    {doc, `{"seed":` + strings.Repeat("9", 1_000_000) + `}`, problem.CodeBadRequest},
		"a seed that is a fraction":     {doc, `{"seed":1.5}`, problem.CodeBadRequest},
		"a person that is a number":     {doc, `{"person":7}`, problem.CodeBadRequest},
		"a person that is null":         {doc, `{"person":null,"garmentId":"a"}`, problem.CodeMissingField},
		"a data URI without base64":     {doc, `{"person":"data:image/png,abc"}`, problem.CodeBadRequest},
		"a data URI without end":        {doc, `{"person":"data:` + strings.Repeat("a", 1000) + `"}`, problem.CodeBadRequest},
		"an object that is cut":         {doc, `{"seed":1`, problem.CodeBadRequest},
		"a comma too many":              {doc, `{"seed":1,}`, problem.CodeBadRequest},
		"a boundary of another request": {"multipart/form-data; boundary=" + strings.Repeat("y", 70), parts(3, func(int) string { return "person" }), problem.CodeMissingField},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before, afterwards runtime.MemStats
			runtime.ReadMemStats(&before)
			resp, out := post(t, p.front, tt.contentType, []byte(tt.body))
			runtime.ReadMemStats(&afterwards)
			if code, err := codeOf(resp, out); err != nil || code != tt.want {
				t.Errorf("code %s, %v, %.200s; want %s", code, err, out, tt.want)
			}
			if grown := afterwards.TotalAlloc - before.TotalAlloc; grown > 128<<20 {
				t.Errorf("it allocated %d MiB", grown>>20)
			}
		})
	}
	p.served(t)
}

// noise is a picture that hardly compresses.
func noise(w, h int) *image.RGBA {
	img := person(w, h)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		if i%4 != 3 {
			img.Pix[i] = byte(int(img.Pix[i])/2 + random.IntN(128))
		}
	}
	return img
}
