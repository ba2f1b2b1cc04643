package sidecar

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar"
)

// block is how many requests are sent to one sidecar before the next has its turn: enough that what it does beside the path falls on its own.
const block = 8

// BenchmarkShadow sends the same try-on to five sidecars in turn. They differ in what they compare every request with: nothing, a candidate that
// answers at once (the candidate's own work is not this pod's), a black hole, and an address where nobody is. The last one compares nothing and
// captures as much as a pod may. It reports the median over all
// turns of the median time of a block relative to that of the first sidecar.
func BenchmarkShadow(b *testing.B) {
	rt := runtimetest.Start(b, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	p := makePair(b, rt.Signature)
	record(b, rt.Dir, client(b, rt.URL), p)
	good, hole := candidates(b, rt, p)
	names := []string{"off", "on", "black-hole", "dead", "capture"}
	var urls []string
	for _, address := range []string{"", good, hole, "http://127.0.0.1:1"} {
		urls = append(urls, serve(b, rt, document(b, address)))
	}
	captures := "file://" + b.TempDir()
	urls = append(urls, serve(b, rt, document(b, ""), func(o *sidecar.Options) { o.Capture, o.CapturePercent = captures, 100 }))
	ratios := make([][]float64, len(urls))
	for turn := 0; b.Loop(); turn++ {
		took := make([]float64, len(urls))
		for k := range urls {
			i := (turn + k) % len(urls)
			times := make([]time.Duration, block)
			for n := range times {
				times[n] = timed(b, func() error { return shop(b.Context(), urls[i], p.body) })
			}
			slices.Sort(times)
			took[i] = float64(times[block/2])
		}
		for i := range urls {
			ratios[i] = append(ratios[i], took[i]/took[0])
		}
	}
	for i, name := range names {
		slices.Sort(ratios[i])
		b.ReportMetric(ratios[i][len(ratios[i])/2], name+"/off")
	}
}

// candidates gives one that has its answer ready, and one that never answers.
func candidates(b *testing.B, rt *runtimetest.Server, p pair) (good, hole string) {
	out, err := client(b, rt.URL).TryOn(b.Context(), p.signature, 1, p.tensors)
	if err != nil {
		b.Fatal(err)
	}
	shape := func(channels int64) []int64 { return []int64{1, height, width, channels} }
	answer, length, err := oip.EncodeResponse(oip.Response{ModelName: oip.ModelName, Outputs: []oip.Tensor{
		{Name: oip.OutputImage, Datatype: oip.Uint8, Shape: shape(3), Data: out.Image},
		{Name: oip.OutputWarpedMask, Datatype: oip.Uint8, Shape: shape(1), Data: out.WarpedMask},
		{Name: oip.OutputCompositeMask, Datatype: oip.Uint8, Shape: shape(1), Data: out.CompositeMask},
	}}, true)
	if err != nil {
		b.Fatal(err)
	}
	ready := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set(oip.HeaderLength, length)
		_, _ = w.Write(answer)
	}))
	b.Cleanup(ready.Close)
	leave := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-leave
	}))
	b.Cleanup(func() { close(leave); silent.Close() })
	return ready.URL, silent.URL
}

// document writes a control document that has every request compared with a candidate, or nothing.
func document(b *testing.B, address string) string {
	doc := control.New(1, nil)
	if address != "" {
		doc.Shadow = &control.Shadow{Epoch: "bench", Version: "candidate", Address: address, SamplePercent: 100, LatencyRatio: 1.1}
	}
	body, err := doc.Encode()
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), control.Key)
	if err := os.WriteFile(file, body, 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}
