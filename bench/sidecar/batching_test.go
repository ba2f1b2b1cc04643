package sidecar

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/scale/predict"
	"github.com/braincreators/tryon-operator/internal/sidecar"
	"github.com/braincreators/tryon-operator/internal/sidecar/batch"
	"github.com/braincreators/tryon-operator/internal/sidecar/modelserver"
	"github.com/braincreators/tryon-operator/internal/sidecar/queue"
)

// clients ask at the same time, each again as soon as it has its answer, so many times in a turn.
const clients, asks = 16, 4

// figures of one turn: answered requests per second, and the time within which 95 of 100 had their answer.
type figures struct{ throughput, p95 float64 }

func crowd(b *testing.B, ask func() error) figures {
	took := make([][]time.Duration, clients)
	var all sync.WaitGroup
	start := time.Now()
	for i := range took {
		all.Go(func() {
			for range asks {
				begin := time.Now()
				if err := ask(); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(begin))
			}
		})
	}
	all.Wait()
	whole := time.Since(start)
	if b.Failed() {
		b.FailNow()
	}
	times := slices.Concat(took...)
	slices.Sort(times)
	return figures{float64(len(times)) / whole.Seconds(), times[len(times)*95/100].Seconds()}
}

// way is one way of asking the model server under the same crowd.
type way struct {
	name string
	ask  func() error
}

// compare lets a crowd have its turn with every way, in a changing order, and reports the medians over all turns relative to those of the first way.
func compare(b *testing.B, ways []way) {
	throughput, p95 := make([][]float64, len(ways)), make([][]float64, len(ways))
	for turn := 0; b.Loop(); turn++ {
		all := make([]figures, len(ways))
		for k := range ways {
			i := (turn + k) % len(ways)
			all[i] = crowd(b, ways[i].ask)
		}
		for i := range ways {
			throughput[i] = append(throughput[i], all[i].throughput/all[0].throughput)
			p95[i] = append(p95[i], all[i].p95/all[0].p95)
		}
	}
	for i, w := range ways[1:] {
		b.ReportMetric(median(throughput[i+1]), w.name+"-throughput")
		b.ReportMetric(median(p95[i+1]), w.name+"-p95")
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkBatching puts a crowd of clients before the real runtime, each run with one of them, and runs that they share; with one run at a time in
// the runtime, and with two of which the second waits there. Model asks with tensors; TryOn sends whole requests, whose pictures are decoded and
// encoded.
func BenchmarkBatching(b *testing.B) {
	rt := runtimetest.Start(b, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	p := makePair(b, rt.Signature)
	record(b, rt.Dir, client(b, rt.URL), p)
	var model, tryOn []way
	for _, concurrent := range []int{2, 1} {
		for _, most := range []int{1, 4, 8} {
			name := fmt.Sprintf("runs%d-batch%d", concurrent, most)
			batcher := makeBatcher(b, rt, concurrent, most)
			model = append(model, way{name, func() error { _, err := batcher.TryOn(b.Context(), p.tensors); return err }})
			url := serve(b, rt, "", func(o *sidecar.Options) { o.Concurrent, o.Batch = concurrent, most })
			tryOn = append(tryOn, way{name, func() error { return shop(b.Context(), url, p.body) }})
		}
	}
	b.Run("Model", func(b *testing.B) { compare(b, model) })
	b.Run("TryOn", func(b *testing.B) { compare(b, tryOn) })
}

// makeBatcher asks the runtime as a sidecar does, without the rest of one.
func makeBatcher(b *testing.B, rt *runtimetest.Server, concurrent, most int) *batch.Batcher {
	q := queue.New(queue.Bounds{Concurrent: concurrent, Waiting: clients, PerMegapixel: time.Second})
	shape := predict.Shape{Height: height, Width: width, Batch: 1}
	model, err := modelserver.New(modelserver.Options{
		URL: rt.URL, Weights: rt.Dir, TensorBytes: 64 << 20, Batch: most, Checked: func(string) {}, Ran: func(int, time.Duration) {},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { model.Watch(ctx) })
	b.Cleanup(func() { stop(); watching.Wait(); model.Close() })
	for ticker := time.Tick(10 * time.Millisecond); model.Ready() != nil; <-ticker {
	}
	if model.Batch() != most {
		b.Fatalf("%d share a run, want %d", model.Batch(), most)
	}
	return batch.New(q, model, shape, func(string, int) {})
}
