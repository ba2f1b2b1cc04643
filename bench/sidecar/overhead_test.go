package sidecar

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar"
)

const height, width = 256, 192

// TestMain lets warnings through and nothing of the daily life of a sidecar, which would stand between the figures.
func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelWarn)
	os.Exit(m.Run())
}

// pair is one request in both of its forms.
type pair struct {
	signature oip.Signature
	tensors   oip.TryOn
	body      []byte
}

// BenchmarkOverhead sends the same pictures to the sidecar's inference path and to the runtime itself, alternating, and reports the median ratio of
// the times; and the whole Shopper request, with decoding, composition and PNG encoding, over the bare inference.
func BenchmarkOverhead(b *testing.B) {
	rt := runtimetest.Start(b, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	p := makePair(b, rt.Signature)
	direct := client(b, rt.URL)
	record(b, rt.Dir, direct, p)
	url := serve(b, rt, "")
	through := client(b, url)
	var infer, tryOn []float64
	for b.Loop() {
		bare := timed(b, func() error { _, err := direct.TryOn(b.Context(), p.signature, 1, p.tensors); return err })
		passed := timed(b, func() error { _, err := through.TryOn(b.Context(), p.signature, 1, p.tensors); return err })
		whole := timed(b, func() error { return shop(b.Context(), url, p.body) })
		infer, tryOn = append(infer, passed.Seconds()/bare.Seconds()), append(tryOn, whole.Seconds()/bare.Seconds())
	}
	b.ReportMetric(median(infer), "infer/direct")
	b.ReportMetric(median(tryOn), "tryon/direct")
}

func timed(b *testing.B, f func() error) time.Duration {
	start := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func client(b *testing.B, url string) *oip.Client {
	c, err := oip.NewClient(url, oip.Limits{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func makePair(b *testing.B, s oip.Signature) pair {
	person, garment, mask := make([]byte, 3*height*width), bytes.Repeat([]byte{255}, 3*height*width), make([]byte, height*width)
	for i := range mask {
		x, y := i%width, i/width
		person[3*i], person[3*i+1], person[3*i+2] = byte(x), byte(y), byte(x+y)
		if x > 60 && x < 130 && y > 80 && y < 180 {
			mask[i] = 255
			garment[3*i], garment[3*i+1], garment[3*i+2] = 200, byte(2*y), 40
		}
	}
	fields := map[string][]byte{"person": encode(b, person), "garment": encode(b, garment), "mask": encode(b, mask)}
	body, err := json.Marshal(fields)
	if err != nil {
		b.Fatal(err)
	}
	return pair{s, oip.TryOn{Person: person, Garment: garment, GarmentMask: mask}, body}
}

// encode writes packed pixels of 3 channels or 1 as PNG.
func encode(b *testing.B, pixels []byte) []byte {
	bounds := image.Rect(0, 0, width, height)
	var img image.Image = &image.Gray{Pix: pixels, Stride: width, Rect: bounds}
	if len(pixels) == 3*height*width {
		rgba := image.NewRGBA(bounds)
		for i := range height * width {
			copy(rgba.Pix[4*i:], append(append([]byte{}, pixels[3*i:3*i+3]...), 255))
		}
		img = rgba
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// record writes the golden set that makes a sidecar ready.
func record(b *testing.B, dir string, c *oip.Client, p pair) {
	out, err := c.TryOn(b.Context(), p.signature, 1, p.tensors)
	if err != nil {
		b.Fatal(err)
	}
	dir = filepath.Join(dir, "golden")
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := golden.Write(dir, p.signature, []golden.Recorded{{Name: "one", In: p.tensors, Out: out}}); err != nil {
		b.Fatal(err)
	}
}

// serve runs a sidecar with the control document of a file, if any, until the benchmark ends, and waits until it is ready.
func serve(b *testing.B, rt *runtimetest.Server, control string, tweaks ...func(*sidecar.Options)) string {
	o := sidecar.DefaultOptions()
	o.Runtime, o.Weights, o.Version, o.Quiet, o.Control = rt.URL, rt.Dir, "bench", time.Millisecond, control
	for _, tweak := range tweaks {
		tweak(&o)
	}
	s, err := sidecar.New(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			b.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listeners[0], listeners[1]) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	for ticker := time.Tick(10 * time.Millisecond); !s.Status().Ready || control != "" && s.Status().Generation == 0; <-ticker {
	}
	return "http://" + listeners[0].Addr().String()
}

func shop(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/tryon", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.200s", resp.Status, out)
	}
	return err
}
