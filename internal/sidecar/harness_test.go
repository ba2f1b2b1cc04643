package sidecar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

const netH, netW = 96, 72

// person draws a figure on a wall, of any size; it is no blank picture and no photo either.
func person(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{byte(120 + 60*y/h), byte(130 + 40*x/w), 140, 255})
		}
	}
	fill := func(x0, y0, x1, y1 float64, c color.RGBA) {
		r := image.Rect(int(x0*float64(w)), int(y0*float64(h)), int(x1*float64(w)), int(y1*float64(h)))
		draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
	}
	fill(.4, .06, .6, .24, color.RGBA{224, 172, 138, 255})
	fill(.3, .27, .7, .66, color.RGBA{40, 60, 160, 255})
	fill(.34, .66, .66, .98, color.RGBA{50, 50, 60, 255})
	return img
}

// shirt draws a flat red garment with a stripe on a plain background.
func shirt(w, h int, background color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.NewUniform(background), image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(w*3/10, h*27/100, w*7/10, h*66/100), image.NewUniform(color.RGBA{190, 30, 40, 255}), image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(w*3/10, h*40/100, w*7/10, h*45/100), image.NewUniform(color.RGBA{250, 250, 250, 255}), image.Point{}, draw.Src)
	return img
}

var paper = color.RGBA{245, 245, 243, 255}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pod is a running sidecar with its options.
type pod struct {
	*Server
	front, ops string
	runtime    *runtimetest.Server
	stop       func() error
}

type tweak func(*Options)

// start runs a sidecar in front of a real runtime and waits until it is ready.
func start(t testing.TB, g runtimetest.Graph, tweaks ...tweak) *pod {
	t.Helper()
	p := startUnready(t, g, tweaks...)
	p.waitReady(t)
	return p
}

func startUnready(t testing.TB, g runtimetest.Graph, tweaks ...tweak) *pod {
	t.Helper()
	g.Height, g.Width = netH, netW
	rt := runtimetest.Start(t, g, runtime.Bounds{})
	writeGolden(t, rt)
	return startWith(t, rt, tweaks...)
}

// startWith runs a sidecar on the weights of a runtime.
func startWith(t testing.TB, rt *runtimetest.Server, tweaks ...tweak) *pod {
	t.Helper()
	o := DefaultOptions()
	o.Runtime, o.Weights, o.Version = rt.URL, rt.Dir, "tops-v1"
	o.Quiet = 20 * time.Millisecond
	for _, change := range tweaks {
		change(&o)
	}
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	front, ops := listen(t), listen(t)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, front, ops) }()
	p := &pod{Server: s, front: "http://" + front.Addr().String(), ops: "http://" + ops.Addr().String(), runtime: rt}
	p.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		s.close()
	})
	return p
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// until calls ok until it is true, or ends the test.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatalf("%s: it did not happen within 20 s", what)
		}
	}
}

func (p *pod) waitReady(t testing.TB) {
	t.Helper()
	until(t, "ready", func() bool { return p.ready() == nil })
}

// writeGolden records one golden request from the runtime itself.
func writeGolden(t testing.TB, rt *runtimetest.Server) {
	t.Helper()
	client, err := oip.NewClient(rt.URL, oip.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := picture.Prepare(rt.Signature, person(netW, netH), shirt(netW, netH, paper), nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.TryOn(t.Context(), rt.Signature, 1, oip.TryOn{Person: in.Person, Garment: in.Garment, GarmentMask: in.GarmentMask})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(rt.Dir, "golden")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	recorded := golden.Recorded{Name: "one", In: oip.TryOn{Person: in.Person, Garment: in.Garment, GarmentMask: in.GarmentMask}, Out: out}
	if err := golden.Write(dir, rt.Signature, []golden.Recorded{recorded}); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t testing.TB, name string, body []byte) {
	t.Helper()
	if err := os.WriteFile(name, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

// form makes a multipart body.
func form(t testing.TB, fields map[string][]byte) (contentType string, body []byte) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, name := range []string{"person", "garment", "mask", "garmentId", "category", "seed", "extra"} {
		value, ok := fields[name]
		if !ok {
			continue
		}
		part, err := w.CreateFormField(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), out.Bytes()
}

func usual(t testing.TB) map[string][]byte {
	return map[string][]byte{"person": pngOf(t, person(180, 240)), "garment": pngOf(t, shirt(150, 200, paper))}
}

// post sends a try-on and gives the reply with its body read.
func post(t testing.TB, url, contentType string, body []byte, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/tryon", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return do(t, req)
}

func do(t testing.TB, req *http.Request) (*http.Response, []byte) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// codeOf reads a problem document.
func codeOf(resp *http.Response, body []byte) (problem.Code, error) {
	var d struct {
		Title, Detail string
		Status        int
		Code          problem.Code
	}
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		return "", fmt.Errorf("content type %q of %.200s", got, body)
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return "", err
	}
	if d.Status != resp.StatusCode || d.Title == "" || d.Detail == "" {
		return "", errors.New("status, title or detail is missing: " + string(body))
	}
	return d.Code, nil
}

func decodePNG(t testing.TB, body []byte) *image.RGBA {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%v: %.200q", err, body)
	}
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Rect, img, image.Point{}, draw.Src)
	return out
}
