package sidecar

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/braincreators/tryon-operator/internal/compare"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sequential"
	"github.com/braincreators/tryon-operator/internal/sidecar/batch"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/shadow"
)

// forever is a run that hangs.
const forever = time.Duration(math.MaxInt64)

// rollout is one of a version against itself: what a stable pod under load and a candidate with nothing but copies count, in the time of a bubble.
type rollout struct {
	t                 *testing.T
	stable, candidate *Server
	length            func(*rand.Rand) time.Duration
	// random decides when shoppers come and how long their runs take at the stable version, own how long the candidate's do.
	random, own *rand.Rand
	ring        chan shadow.Sample
	comparer    compare.Comparer

	mu     sync.Mutex
	totals evidence.Totals
}

// twin is a model server whose runs take what they are told to in the row's parameters.
type twin struct{ result oip.Result }

func (twin) Batch() int { return 1 }

func (m twin) TryOn(ctx context.Context, rows []oip.TryOn) ([]oip.Result, error) {
	select {
	case <-time.After(rows[0].Parameters["length"].(time.Duration)):
		return []oip.Result{m.result}, nil
	case <-ctx.Done():
		return nil, problem.Ended(ctx, "The model server did not answer in time.")
	}
}

func newRollout(t *testing.T, weights string, seed uint64, length func(*rand.Rand) time.Duration) *rollout {
	r := &rollout{t: t, length: length, random: rand.New(rand.NewPCG(seed, 1)), own: rand.New(rand.NewPCG(seed, 2)), ring: make(chan shadow.Sample, shadowCopies)}
	for _, s := range []**Server{&r.stable, &r.candidate} {
		o := DefaultOptions()
		o.Weights, o.Version = weights, "tops-v1"
		var err error
		if *s, err = New(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	r.stable.batcher = batch.New(r.stable.queue, twin{r.answer()}, r.stable.shape(1), r.stable.metrics.Ran)
	var err error
	if r.totals, err = evidence.NewTotals(1.1); err != nil {
		t.Fatal(err)
	}
	return r
}

// pixels of the smallest picture: quality is not the subject here.
const pixels = 8 * 8

func (r *rollout) answer() oip.Result {
	return oip.Result{Image: make([]byte, 3*pixels), WarpedMask: make([]byte, pixels), CompositeMask: make([]byte, pixels)}
}

// live has shoppers ask the stable version for as long as more is true. The busy part of a pod's time is load.
func (r *rollout) live(load float64, mean time.Duration, more func() bool) {
	ctx, stop := context.WithCancel(r.t.Context())
	var all sync.WaitGroup
	all.Go(func() { r.mirror(ctx) })
	for more() {
		row := oip.TryOn{Person: make([]byte, 3*pixels), Garment: make([]byte, 3*pixels), GarmentMask: make([]byte, pixels)}
		row.Parameters = map[string]any{"length": r.length(r.random)}
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, r.stable.options.RequestTimeout)
			defer cancel()
			if sample, _ := r.stable.run(ctx, row, true, r.stable.metrics.Timings()); sample != nil {
				select {
				case r.ring <- *sample:
				default:
				}
			}
		})
		<-time.After(time.Duration(r.random.ExpFloat64() / load * float64(mean)))
	}
	stop()
	all.Wait()
}

// mirror puts copies to the candidate, whose pod decides as it does over the network.
func (r *rollout) mirror(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case sample := <-r.ring:
			candidate := compare.Answer{Out: r.answer(), Took: r.length(r.own)}
			patience := sample.Patience(r.stable.options.RequestTimeout)
			run := r.candidate.queue.TryEnter(r.candidate.shape(1))
			<-time.After(min(candidate.Took, patience))
			candidate.Alone, candidate.Failed = run.Alone(), candidate.Took > patience
			if !candidate.Failed {
				run.Served()
			}
			run.Leave()
			stable := compare.Answer{Failed: sample.Failed, Out: sample.Out, Took: sample.Took, Alone: sample.Alone}
			pair, err := r.comparer.Compare(sample.Signature, sample.In, stable, candidate)
			if err != nil {
				r.t.Error(err)
				return
			}
			r.mu.Lock()
			pair.Add(&r.totals)
			r.mu.Unlock()
		}
	}
}

// rejected tells whether the gates give the candidate up within so many pairs, looking at every block of them.
func (r *rollout) rejected(pairs int64, load float64, mean time.Duration) bool {
	const block = 50
	latency, err := sequential.NewLatencyState(0.95, 1.1)
	if err != nil {
		r.t.Fatal(err)
	}
	seen, looked, verdict := r.totals.Latency, int64(0), sequential.KeepCollecting
	r.live(load, mean, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.totals.Pairs >= looked+block {
			looked = r.totals.Pairs
			news, err1 := r.totals.Latency.Since(seen)
			next, err2 := latency.Add(news)
			seen, latency = r.totals.Latency, next
			now, err3 := sequential.Decide([]sequential.Gate{
				sequential.Quantile{Name: "latency-p95-ratio", Evidence: &latency},
				sequential.Rate{Name: "error-rate-difference", Margin: 0.002, Pairs: r.totals.Errors},
			}, 0.05)
			if err := errors.Join(err1, err2, err3); err != nil {
				r.t.Error(err)
				return false
			}
			verdict = now
		}
		return looked < pairs && verdict != sequential.Reject
	})
	return verdict == sequential.Reject
}

// A version is as good as itself, whatever its runs take and however many shoppers there are: so gates of 5 % reject it once in twenty rollouts at most.
func TestAVersionIsNoWorseThanItself(t *testing.T) {
	const usually = 400 * time.Millisecond
	times := func(factor float64) time.Duration { return time.Duration(factor * float64(usually)) }
	weights := t.TempDir()
	runtimetest.Graph{Height: 8, Width: 8}.WriteWeights(t, weights)
	for name, tt := range map[string]struct {
		length func(*rand.Rand) time.Duration
		load   float64
		pairs  int64
		// latencies is the least part of the pairs that has to count.
		latencies float64
	}{
		"run lengths spread": {func(random *rand.Rand) time.Duration { return times(math.Exp(0.8*random.NormFloat64() - 0.32)) }, 0.6, 1000, 0.98},
		"one run in twelve is three times as long": {func(random *rand.Rand) time.Duration {
			if random.Float64() < 0.08 {
				return times(3 * (0.8 + 0.1*random.Float64()))
			}
			return times(0.8 + 0.1*random.Float64())
		}, 0.6, 1000, 0.99},
		"one run in a hundred hangs": {func(random *rand.Rand) time.Duration {
			if random.Float64() < 0.01 {
				return forever
			}
			return times(0.9 + 0.2*random.Float64())
		}, 0.3, 2000, 0.9},
		"one run in a hundred takes ten times as long": {func(random *rand.Rand) time.Duration {
			if random.Float64() < 0.01 {
				return times(12)
			}
			return times(0.9 + 0.2*random.Float64())
		}, 0.5, 2000, 0.9},
	} {
		t.Run(name, func(t *testing.T) {
			const rollouts, most = 20, 1
			rejected, pairs, latencies := 0, int64(0), int64(0)
			for seed := range uint64(rollouts) {
				synctest.Test(t, func(t *testing.T) {
					r := newRollout(t, weights, seed, tt.length)
					if r.rejected(tt.pairs, tt.load, usually) {
						rejected++
					}
					pairs, latencies = pairs+r.totals.Pairs, latencies+r.totals.Latency.N()
				})
			}
			if rejected > most {
				t.Errorf("%d of %d rollouts of a version against itself are rejected, want %d at most", rejected, rollouts, most)
			}
			if part := float64(latencies) / float64(pairs); part < tt.latencies {
				t.Errorf("the latencies of %.3f of the pairs count, want %.2f", part, tt.latencies)
			}
		})
	}
}
