package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale"
	"github.com/braincreators/tryon-operator/internal/scale/scaletest"
)

const (
	least, most = 1, 12
	seeds       = 20
)

// story is what both scalers play: 0.3 s per request, and a request is refused when it would wait for 30 s.
type story struct {
	name    string
	length  time.Duration
	startUp time.Duration
	load    func(time.Duration) float64
}

var stories = []story{
	{"five-fold step and fall, pods start in 30 s", 30 * time.Minute, 30 * time.Second, fiveFold},
	{"the same, pods start in 2 min", 30 * time.Minute, 2 * time.Minute, fiveFold},
	{"slow ramp from 1 to 6 pods", 30 * time.Minute, 30 * time.Second, func(t time.Duration) float64 { return 1 + t.Minutes()/6 }},
	{"five-fold spike of 20 s", 20 * time.Minute, 30 * time.Second, step(8*time.Minute, 8*time.Minute+20*time.Second)},
	{"constant load of 3 pods", 30 * time.Minute, 30 * time.Second, func(time.Duration) float64 { return 3 }},
}

var fiveFold = step(rise, fall)

const rise, fall = 6 * time.Minute, 15 * time.Minute

func step(from, to time.Duration) func(time.Duration) float64 {
	return func(t time.Duration) float64 {
		if t >= from && t < to {
			return 5
		}
		return 1
	}
}

func (s story) world(seed uint64) scaletest.World {
	return scaletest.World{
		Seed: seed, Length: s.length, Load: s.load, Service: 300 * time.Millisecond, StartUp: s.startUp, MaxWait: 30 * time.Second,
		Replicas: int32(math.Ceil(s.load(0) / scale.Default().Utilisation)),
	}
}

func onBacklog() scaletest.Scaler {
	return &scaletest.Backlog{Settings: scale.Settings{MinReplicas: least, MaxReplicas: most}}
}

// onUtilisation aims at the same utilisation that scaling on the backlog plans with.
func onUtilisation() scaletest.Scaler {
	return &scaletest.Utilisation{Min: least, Max: most, Target: scale.Default().Utilisation}
}

// table has a row of ratios for each world, backlog over utilisation, with what they are ratios of.
func table() string {
	var b strings.Builder
	b.WriteString("| load | p95 of the waiting time: ratio | replica-seconds: ratio | refused, of all requests | changes of replicas |\n|---|---|---|---|---|\n")
	for _, s := range stories {
		var ours, theirs [seeds]*scaletest.Run
		for seed := range ours {
			ours[seed] = scaletest.Play(s.world(uint64(seed)), onBacklog())
			theirs[seed] = scaletest.Play(s.world(uint64(seed)), onUtilisation())
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", s.name,
			ratios(ours, theirs, (*scaletest.Run).P95, "%.1f s"),
			ratios(ours, theirs, func(r *scaletest.Run) float64 { return r.ReplicaSeconds }, "%.0f"),
			medians(ours, theirs, func(r *scaletest.Run) float64 { return 100 * float64(r.Refused) / float64(len(r.Waits)) }, "%.1f %%"),
			medians(ours, theirs, func(r *scaletest.Run) float64 { return float64(r.Changes(1) + r.Changes(-1)) }, "%.0f"))
	}
	return b.String()
}

// ratios are those of the pairs with the same seed: their median, its 95 % interval, and the medians of both sides.
func ratios(ours, theirs [seeds]*scaletest.Run, of func(*scaletest.Run) float64, format string) string {
	pairs := make([]float64, seeds)
	for i := range pairs {
		pairs[i] = of(ours[i]) / of(theirs[i])
	}
	low, high := interval(pairs)
	return fmt.Sprintf("**%.2f** (%.2f to %.2f): %s", median(pairs), low, high, medians(ours, theirs, of, format))
}

func medians(ours, theirs [seeds]*scaletest.Run, of func(*scaletest.Run) float64, format string) string {
	var one, other []float64
	for i := range ours {
		one, other = append(one, of(ours[i])), append(other, of(theirs[i]))
	}
	return fmt.Sprintf(format+" against "+format, median(one), median(other))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// interval holds 95 of 100 medians of values drawn again from these (percentile bootstrap).
func interval(values []float64) (low, high float64) {
	const draws = 2000
	random := rand.New(rand.NewPCG(1, 1))
	all := make([]float64, draws)
	again := make([]float64, len(values))
	for i := range all {
		for j := range again {
			again[j] = values[random.IntN(len(values))]
		}
		all[i] = median(again)
	}
	slices.Sort(all)
	return all[draws*25/1000], all[draws*975/1000]
}
