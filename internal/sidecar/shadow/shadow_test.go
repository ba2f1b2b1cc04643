package shadow

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
)

const side = 64

var signature = oip.NewSignature(side, side)

// sample makes an answered request: a red square is put on a grey gradient.
func sample() Sample {
	person, garment := make([]byte, 3*side*side), bytes.Repeat([]byte{250}, 3*side*side)
	mask := make([]byte, side*side)
	for i := range mask {
		x, y := i%side, i/side
		person[3*i], person[3*i+1], person[3*i+2] = byte(60+x), byte(60+y), byte(60+x/2+y/2)
		if x > 16 && x < 48 && y > 20 && y < 56 {
			mask[i] = 255
			garment[3*i], garment[3*i+1], garment[3*i+2] = 200, byte(30+y), byte(30+x)
		}
	}
	worn := bytes.Clone(person)
	for i, m := range mask {
		if m != 0 {
			copy(worn[3*i:3*i+3], garment[3*i:3*i+3])
		}
	}
	return Sample{
		Signature: signature, In: oip.TryOn{Person: person, Garment: garment, GarmentMask: mask, Parameters: map[string]any{"seed": int64(7)}},
		Out: oip.Result{Image: worn, WarpedMask: mask, CompositeMask: mask}, Took: 100 * time.Millisecond, Had: time.Hour, Alone: true,
	}
}

// record counts what the metrics are told.
type record struct {
	mu     sync.Mutex
	events []string
}

func (r *record) add(event string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

func (r *record) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func newMirror(copies int) (*Mirror, *record) {
	r := &record{}
	return New(Options{
		Version: "tops-v1", Copies: copies, Bytes: 1 << 30, Patience: 200 * time.Millisecond,
		Paired:  func(stable, candidate string, _ time.Duration) { r.add(stable + "/" + candidate) },
		Dropped: func(reason string) { r.add(reason) },
	}), r
}

func shadowOf(address string) control.Shadow {
	return control.Shadow{Epoch: "e1", Version: "tops-v2", Address: address, SamplePercent: 100, LatencyRatio: 1.1}
}

// good answers like a candidate's sidecar.
func good(change func(*oip.Result)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		out := sample().Out
		out.Image = bytes.Clone(out.Image)
		change(&out)
		body, length, err := oip.EncodeResponse(oip.Response{ModelName: oip.ModelName, Outputs: []oip.Tensor{
			{Name: oip.OutputImage, Datatype: oip.Uint8, Shape: []int64{1, side, side, 3}, Data: out.Image},
			{Name: oip.OutputWarpedMask, Datatype: oip.Uint8, Shape: []int64{1, side, side, 1}, Data: out.WarpedMask},
			{Name: oip.OutputCompositeMask, Datatype: oip.Uint8, Shape: []int64{1, side, side, 1}, Data: out.CompositeMask},
		}}, true)
		if err != nil {
			panic(err)
		}
		w.Header().Set(oip.HeaderLength, length)
		w.Header().Set("Server-Timing", Timing(5*time.Millisecond, true))
		_, _ = w.Write(body)
	}
}

func same(*oip.Result) {}

// compareOne offers a sample and waits until something became of it.
func compareOne(t *testing.T, candidate string, s Sample) (evidence.Report, []string) {
	t.Helper()
	m, r := newMirror(4)
	shadow := shadowOf(candidate)
	m.Offer(shadow, s)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for len(r.seen()) == 0 {
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatal("nothing became of the copy")
		}
	}
	stop()
	<-done
	m.Close()
	report := m.Report(shadow, time.Now())
	if body, err := report.Encode(); err != nil {
		t.Errorf("the report cannot be sent: %v %s", err, body)
	}
	return report, r.seen()
}
