package sidecar

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// hugeHeader is a PNG of 50,000 x 50,000 pixels in a few bytes.
func hugeHeader() []byte {
	var ihdr bytes.Buffer
	ihdr.WriteString("IHDR")
	_ = binary.Write(&ihdr, binary.BigEndian, []uint32{50_000, 50_000})
	ihdr.Write([]byte{8, 2, 0, 0, 0})
	var out bytes.Buffer
	out.WriteString("\x89PNG\r\n\x1a\n")
	_ = binary.Write(&out, binary.BigEndian, uint32(13))
	out.Write(ihdr.Bytes())
	_ = binary.Write(&out, binary.BigEndian, crc32.ChecksumIEEE(ihdr.Bytes()))
	return append(out.Bytes(), make([]byte, 64)...)
}

func with(fields map[string][]byte, name string, value []byte) map[string][]byte {
	fields[name] = value
	return fields
}

func without(fields map[string][]byte, name string) map[string][]byte {
	delete(fields, name)
	return fields
}

func TestHostileTryOnsGetTheirTypedError(t *testing.T) {
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.ImageBytes = 1 << 20 })
	whole := pngOf(t, person(180, 240))
	tests := map[string]struct {
		fields map[string][]byte
		want   problem.Code
	}{
		"a picture that is text":        {with(usual(t), "person", []byte("hello, I am a photo")), problem.CodeNotDecodable},
		"a picture that is a web page":  {with(usual(t), "garment", []byte("<html>")), problem.CodeNotDecodable},
		"a picture cut in the middle":   {with(usual(t), "person", whole[:len(whole)/2]), problem.CodeNotDecodable},
		"a header of 50,000 x 50,000":   {with(usual(t), "person", hugeHeader()), problem.CodeTooLarge},
		"a picture over its bytes":      {with(usual(t), "person", make([]byte, 1<<20+1)), problem.CodeTooLarge},
		"a person of one colour":        {with(usual(t), "person", pngOf(t, image.NewGray(image.Rect(0, 0, 200, 200)))), problem.CodeInputRejected},
		"a person of a few pixels":      {with(usual(t), "person", pngOf(t, person(16, 16))), problem.CodeInputRejected},
		"a garment of one colour":       {with(usual(t), "garment", pngOf(t, image.NewGray(image.Rect(0, 0, 200, 200)))), problem.CodeInputRejected},
		"a mask of another shape":       {with(usual(t), "mask", pngOf(t, shirt(200, 150, paper))), problem.CodeBadRequest},
		"an empty mask":                 {with(usual(t), "mask", pngOf(t, image.NewGray(image.Rect(0, 0, 150, 200)))), problem.CodeBadRequest},
		"no person":                     {without(usual(t), "person"), problem.CodeMissingField},
		"no garment":                    {without(usual(t), "garment"), problem.CodeMissingField},
		"a garment and an id":           {with(usual(t), "garmentId", []byte("a")), problem.CodeBadRequest},
		"an id without a catalogue":     {with(without(usual(t), "garment"), "garmentId", []byte("a")), problem.CodeGarmentNotFound},
		"a category of another model":   {with(usual(t), "category", []byte("shoes")), problem.CodeCategoryUnsupported},
		"a seed that is no number":      {with(usual(t), "seed", []byte("x")), problem.CodeBadRequest},
		"a field that nobody knows":     {with(usual(t), "extra", []byte("x")), problem.CodeBadRequest},
		"a word as long as a picture":   {with(usual(t), "category", make([]byte, 5000)), problem.CodeBadRequest},
		"a garment on a busy wallpaper": {with(usual(t), "garment", pngOf(t, wallpaper())), problem.CodeGarmentUnsupported},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			contentType, body := form(t, tt.fields)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			resp, out := post(t, p.front, contentType, body)
			runtime.ReadMemStats(&after)
			if code, err := codeOf(resp, out); err != nil || code != tt.want {
				t.Errorf("code %s, %v, %s; want %s", code, err, out, tt.want)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
				t.Errorf("it allocated %d MiB", grown>>20)
			}
		})
	}
}

func TestARefusalNamesTheFieldAndWhatWasWanted(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	long := strings.Repeat("9", 300)
	webp := []byte("RIFF\x40\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00")
	const known = "known are person, garment, mask, garmentId, category and seed"
	tests := map[string]struct {
		fields   map[string][]byte
		document string
		want     []string
	}{
		"a misspelt picture":         {fields: with(usual(t), "extra", webp), want: []string{`"extra" is unknown, ` + known}},
		"a large misspelt picture":   {fields: with(usual(t), "extra", make([]byte, 5000)), want: []string{`"extra" is unknown, ` + known}},
		"a long category":            {fields: with(usual(t), "category", []byte(long)), want: []string{"field category has more than the 256 bytes"}},
		"a long seed":                {fields: with(usual(t), "seed", []byte(long)), want: []string{"field seed has more than the 256 bytes"}},
		"a long id in JSON":          {document: `{"person":"AA==","garmentId":"` + long + `"}`, want: []string{"field garmentId has more than the 256 bytes"}},
		"a misspelt name in JSON":    {document: `{"persn":"AA=="}`, want: []string{`"persn" is unknown, ` + known}},
		"a garment that is no text":  {document: `{"garment":"!!"}`, want: []string{"the field garment: it is not base64"}},
		"a number for a mask":        {document: `{"mask":7}`, want: []string{"the field mask is a number"}},
		"a mask of another shape":    {fields: with(usual(t), "mask", pngOf(t, shirt(200, 150, paper))), want: []string{"it has 200x150 pixels, want 150x200 like the garment"}},
		"a mask of a larger garment": {fields: with(with(usual(t), "garment", pngOf(t, shirt(1500, 2000, paper))), "mask", pngOf(t, shirt(200, 150, paper))), want: []string{"want 1500x2000"}},
		"a WebP picture":             {fields: with(usual(t), "garment", webp), want: []string{"picture garment", "this is a WebP picture", "PNG or JPEG"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			contentType, body := "application/json", []byte(tt.document)
			if tt.fields != nil {
				contentType, body = form(t, tt.fields)
			}
			_, out := post(t, p.front, contentType, body)
			var said struct{ Detail string }
			if err := json.Unmarshal(out, &said); err != nil {
				t.Fatalf("%v in %.300s", err, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(said.Detail, want) {
					t.Errorf("%q is not in %q", want, said.Detail)
				}
			}
			if strings.Contains(said.Detail, "smaller pictures") {
				t.Errorf("it advises to send smaller pictures: %q", said.Detail)
			}
		})
	}
}

func wallpaper() image.Image {
	img := person(150, 200)
	for y := range 200 {
		for x := range 150 {
			if (x/7+y/5)%2 == 0 {
				c := img.RGBAAt(x, y)
				c.R, c.G, c.B = byte(x*31), byte(y*17), byte(x*y)
				img.SetRGBA(x, y, c)
			}
		}
	}
	return img
}

func TestHostileBodiesGetTheirTypedError(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	contentType, body := form(t, usual(t))
	doubled := strings.Replace(string(body), `name="garment"`, `name="person"`, 1)
	tests := map[string]struct {
		contentType, body string
		want              problem.Code
	}{
		"an empty body":              {contentType, "", problem.CodeEmptyBody},
		"no content type":            {"", "x", problem.CodeUnsupportedMediaType},
		"a picture alone":            {"image/png", "x", problem.CodeUnsupportedMediaType},
		"multipart without boundary": {"multipart/form-data", "x", problem.CodeBadRequest},
		"multipart that is none":     {"multipart/form-data; boundary=x", "y", problem.CodeMissingField},
		"multipart cut short":        {contentType, string(body[:len(body)-20]), problem.CodeBadRequest},
		"a field twice":              {contentType, doubled, problem.CodeBadRequest},
		"JSON that is none":          {"application/json", "{", problem.CodeBadRequest},
		"JSON with an unknown field": {"application/json", `{"human":""}`, problem.CodeBadRequest},
		"JSON with bad base64":       {"application/json", `{"person":"!!"}`, problem.CodeBadRequest},
		"JSON twice":                 {"application/json", `{}{}`, problem.CodeBadRequest},
		"deep JSON":                  {"application/json", strings.Repeat("[", 100_000), problem.CodeBadRequest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			resp, out := post(t, p.front, tt.contentType, []byte(tt.body))
			if code, err := codeOf(resp, out); err != nil || code != tt.want {
				t.Errorf("code %s, %v, %.200s; want %s", code, err, out, tt.want)
			}
		})
	}
}

// zeros is an endless body that counts what was taken from it.
type zeros struct{ read int64 }

func (z *zeros) Read(b []byte) (int, error) {
	z.read += int64(len(b))
	return len(b), nil
}

func TestABodyOf100MBIsRefusedInBoundedMemory(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	for name, declared := range map[string]int64{"with its length": 100 << 20, "without it": -1} {
		t.Run(name, func(t *testing.T) {
			source := &zeros{}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.front+"/v1/tryon", io.LimitReader(source, 100<<20))
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = declared
			req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			resp, out := do(t, req)
			runtime.ReadMemStats(&after)
			if code, err := codeOf(resp, out); err != nil || code != problem.CodeTooLarge {
				t.Errorf("code %s, %v", code, err)
			}
			// The server's own buffer doubles up to its 24 MiB limit; a declared length costs nothing.
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 80<<20 || declared > 0 && grown > 4<<20 {
				t.Errorf("it allocated %d MiB", grown>>20)
			}
		})
	}
}

func TestASlowBodyIsEndedAndSaysSo(t *testing.T) {
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.BodyTimeout = 50 * time.Millisecond })
	reader, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.front+"/v1/tryon", reader)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	resp, out := do(t, req)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeTooSlow {
		t.Errorf("code %s, %v", code, err)
	}
}

func TestOtherPathsAndMethodsGetTheirTypedError(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	tests := map[string]struct {
		method, path string
		want         problem.Code
	}{
		"an unknown path": {http.MethodGet, "/", problem.CodeNotFound},
		"a GET of tryon":  {http.MethodGet, "/v1/tryon", problem.CodeMethodNotAllowed},
		"a POST of model": {http.MethodPost, "/v1/model", problem.CodeMethodNotAllowed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, p.front+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, out := do(t, req)
			if code, err := codeOf(resp, out); err != nil || code != tt.want {
				t.Errorf("code %s, %v; want %s", code, err, tt.want)
			}
		})
	}
}
