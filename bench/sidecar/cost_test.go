package sidecar

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
)

// memory answers every inference with the first answer that the real runtime gave, so that a benchmark measures everything but inference.
type memory struct {
	real   http.Handler
	answer atomic.Pointer[httptest.ResponseRecorder]
}

func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		m.real.ServeHTTP(w, r)
		return
	}
	known := m.answer.Load()
	if known == nil {
		known = httptest.NewRecorder()
		m.real.ServeHTTP(known, r)
		m.answer.Store(known)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set(oip.HeaderLength, known.Header().Get(oip.HeaderLength))
	_, _ = w.Write(known.Body.Bytes())
}

// photos draws a person of that size and a shirt, as JPEG.
func photos(b *testing.B, w, h int) (person, garment []byte) {
	wall, paper := image.NewRGBA(image.Rect(0, 0, w, h)), image.NewRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(wall.Pix); i += 4 {
		x, y := i/4%w, i/4/w
		copy(wall.Pix[i:i+4], []byte{byte(110 + x*60/w + (x*31+y*17)%7), byte(120 + y*60/h + (x*13+y*7)%5), 140, 255})
	}
	draw.Draw(paper, paper.Rect, image.NewUniform(color.RGBA{245, 245, 243, 255}), image.Point{}, draw.Src)
	torso := image.Rect(w*3/10, h*27/100, w*7/10, h*66/100)
	draw.Draw(wall, torso, image.NewUniform(color.RGBA{40, 60, 160, 255}), image.Point{}, draw.Src)
	draw.Draw(paper, torso, image.NewUniform(color.RGBA{190, 30, 40, 255}), image.Point{}, draw.Src)
	encode := func(img image.Image) []byte {
		var out bytes.Buffer
		if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 92}); err != nil {
			b.Fatal(err)
		}
		return out.Bytes()
	}
	return encode(wall), encode(paper)
}

// BenchmarkOwnCost is what the sidecar itself costs per try-on of a 576x768 JPEG: allocations, and the time of each stage in µs as the sidecar
// tells it, inference left out; and its processor time relative to what the codecs of the same pictures take.
func BenchmarkOwnCost(b *testing.B) {
	rt := runtimetest.Start(b, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	record(b, rt.Dir, client(b, rt.URL), makePair(b, rt.Signature))
	front := &memory{real: runtime.NewServer(rt.Model, oip.Limits{})}
	server := httptest.NewServer(front)
	defer server.Close()
	rt.URL = server.URL
	url := serve(b, rt, "")
	front.answer.Store(nil)
	person, garment := photos(b, 576, 768)
	for _, accept := range []string{"image/png", "image/jpeg"} {
		b.Run(accept, func(b *testing.B) {
			contentType, body := uploads(b, person, garment)
			stages := map[string]time.Duration{}
			var spent time.Duration
			var ratios []float64
			b.ReportAllocs()
			for b.Loop() {
				start := cpu(b)
				req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/v1/tryon", bytes.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("Content-Type", contentType)
				req.Header.Set("Accept", accept)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				out, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatalf("%s %v %.200s", resp.Status, err, out)
				}
				took := cpu(b) - start
				spent += took
				b.StopTimer()
				addStages(b, stages, resp.Header.Get("Server-Timing"))
				ratios = append(ratios, took.Seconds()/codecs(b, person, garment, out).Seconds())
				b.StartTimer()
			}
			b.ReportMetric(float64(spent.Microseconds())/float64(b.N), "cpu-µs/op")
			b.ReportMetric(median(ratios), "cpu/codecs")
			for _, stage := range []string{"decode", "prepare", "compose", "encode"} {
				b.ReportMetric(float64(stages[stage].Microseconds())/float64(b.N), "µs-"+stage)
			}
		})
	}
}

// codecs is the processor time that the standard library takes to decode both uploads, and to encode the answer once more as the sidecar does: what
// no sidecar can do without.
func codecs(b *testing.B, person, garment, answer []byte) time.Duration {
	img, format, err := image.Decode(bytes.NewReader(answer))
	if err != nil {
		b.Fatal(err)
	}
	start := cpu(b)
	for _, upload := range [][]byte{person, garment} {
		if _, err := jpeg.Decode(bytes.NewReader(upload)); err != nil {
			b.Fatal(err)
		}
	}
	if format == "png" {
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(io.Discard, img)
	} else {
		err = jpeg.Encode(io.Discard, img, &jpeg.Options{Quality: 92})
	}
	if err != nil {
		b.Fatal(err)
	}
	return cpu(b) - start
}

// cpu is the processor time of this process so far: on a shared machine it says more than the clock. The client and the transport are in it.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func uploads(b *testing.B, person, garment []byte) (contentType string, body []byte) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for name, file := range map[string][]byte{"person": person, "garment": garment} {
		part, err := w.CreateFormField(name)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = part.Write(file)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return w.FormDataContentType(), out.Bytes()
}

// addStages reads a Server-Timing header.
func addStages(b *testing.B, into map[string]time.Duration, header string) {
	for part := range strings.SplitSeq(header, ", ") {
		var ms float64
		name, rest, _ := strings.Cut(part, ";")
		if _, err := fmt.Sscanf(rest, "dur=%f", &ms); err != nil {
			b.Fatalf("%q in %q: %v", part, header, err)
		}
		into[name] += time.Duration(ms * float64(time.Millisecond))
	}
}
