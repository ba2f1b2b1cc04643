package judge

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// pod names the n-th process that counts.
func pod(n int) string { return fmt.Sprintf("%032x", n) }

func told(generation int64, weight int) control.Document {
	return control.New(generation, &control.Candidate{Version: "tops-v2", Address: "http://h", Weight: weight})
}

// said is what a pod counted: requests of the stable version and those that it failed, and the same of the candidate.
func said(instance string, generation int64, stable, stableFailed, candidate, candidateFailed int64) control.Forwards {
	return control.Forwards{
		Instance: instance, Generation: generation, Version: "tops-v2",
		Stable: stable, StableFailed: stableFailed, Candidate: candidate, CandidateFailed: candidateFailed,
	}
}

func kept(instance string, generation int64, weight int32, numbers ...int64) v1alpha1.ForwardCounts {
	return v1alpha1.ForwardCounts{
		Instance: instance, ControlGeneration: generation, Weight: weight,
		Stable: ptr.To(numbers[0]), StableFailed: ptr.To(numbers[1]), Candidate: ptr.To(numbers[2]), CandidateFailed: ptr.To(numbers[3]), BothFailed: ptr.To(int64(0)),
	}
}

func TestWhatPodsCountIsAddedUpOnceWhateverBecomesOfThem(t *testing.T) {
	for name, c := range map[string]struct {
		kept []v1alpha1.ForwardCounts
		told control.Document
		said []control.Forwards
		want []v1alpha1.ForwardCounts
	}{
		"the first": {
			nil, told(7, 10), []control.Forwards{said(pod(2), 7, 90, 1, 10, 2), said(pod(1), 7, 9, 0, 1, 0)},
			[]v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 9, 0, 1, 0), kept(pod(2), 7, 10, 90, 1, 10, 2)},
		},
		"one says the same again, one has more": {
			[]v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 9, 0, 1, 0), kept(pod(2), 7, 10, 90, 1, 10, 2)},
			told(7, 10), []control.Forwards{said(pod(1), 7, 9, 0, 1, 0), said(pod(2), 7, 180, 1, 20, 3)},
			[]v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 9, 0, 1, 0), kept(pod(2), 7, 10, 180, 1, 20, 3)},
		},
		"a pod is gone and another one came": {
			[]v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 9, 0, 1, 0)},
			told(7, 10), []control.Forwards{said(pod(3), 7, 1, 0, 0, 0)},
			[]v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 9, 0, 1, 0), kept(pod(3), 7, 10, 1, 0, 0, 0)},
		},
		"who has counted nothing takes no room": {nil, told(7, 10), []control.Forwards{said(pod(1), 7, 0, 0, 0, 0)}, nil},
		"a late pod says what it counted before": {
			[]v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 9, 0, 1, 0)},
			told(8, 50), []control.Forwards{said(pod(1), 7, 90, 0, 10, 9)},
			[]v1alpha1.ForwardCounts{kept("", 0, 10, 9, 0, 1, 0)},
		},
		"the next step": {
			[]v1alpha1.ForwardCounts{kept("", 0, 5, 95, 0, 5, 1), kept(pod(1), 7, 10, 9, 0, 1, 0), kept(pod(2), 7, 10, 90, 1, 10, 2)},
			told(8, 50), []control.Forwards{said(pod(4), 8, 5, 0, 5, 0)},
			[]v1alpha1.ForwardCounts{kept("", 0, 5, 95, 0, 5, 1), kept("", 0, 10, 99, 1, 11, 2), kept(pod(4), 8, 50, 5, 0, 5, 0)},
		},
		"the share was taken away because pods had failed": {
			[]v1alpha1.ForwardCounts{kept("", 0, 5, 95, 0, 5, 1), kept(pod(1), 7, 10, 9, 0, 9, 9)},
			control.New(8, nil), nil, []v1alpha1.ForwardCounts{kept("", 0, 5, 95, 0, 5, 1)},
		},
		"another version": {nil, control.New(7, &control.Candidate{Version: "tops-v3", Weight: 10}), []control.Forwards{said(pod(1), 7, 9, 0, 1, 0)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, AddForwards(c.kept, "tops-v2", c.told, c.said)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatNoPodCanHaveCountedIsRefused(t *testing.T) {
	for name, change := range map[string]func(*control.Forwards){
		"another version":          func(f *control.Forwards) { f.Version = "tops-v3" },
		"another document":         func(f *control.Forwards) { f.Generation = 8 },
		"no instance":              func(f *control.Forwards) { f.Instance = "" },
		"a long instance":          func(f *control.Forwards) { f.Instance = strings.Repeat("0", 33) },
		"more failed than asked":   func(f *control.Forwards) { f.CandidateFailed = 11 },
		"more failed at both":      func(f *control.Forwards) { f.BothFailed = 4 },
		"more failed here":         func(f *control.Forwards) { f.StableFailed = 91 },
		"a negative count":         func(f *control.Forwards) { f.StableFailed = -1 },
		"a negative one of both":   func(f *control.Forwards) { f.BothFailed = -1 },
		"more than anybody":        func(f *control.Forwards) { f.Stable = sequential.MaxRequests },
		"more than a number":       func(f *control.Forwards) { f.Candidate = 1<<63 - 1 },
		"fewer than before":        func(f *control.Forwards) { f.Candidate = 9 },
		"fewer failed than before": func(f *control.Forwards) { f.CandidateFailed = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			before := []v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 90, 0, 10, 3)}
			f := said(pod(1), 7, 90, 0, 10, 3)
			change(&f)
			if diff := cmp.Diff(before, AddForwards(before, "tops-v2", told(7, 10), []control.Forwards{f})); diff != "" {
				t.Errorf("it was taken (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCountsFitIntoTheStatusHoweverManyPodsAndSteps(t *testing.T) {
	var counts []v1alpha1.ForwardCounts
	for generation := int64(1); generation <= 30; generation++ {
		for n := range 100 {
			f := said(pod(1000*int(generation)+n), generation, 1, 0, 1, 0)
			counts = AddForwards(counts, "tops-v2", told(generation, int(generation)), []control.Forwards{f})
		}
	}
	if len(counts) != maxEnded+maxInstances {
		t.Errorf("%d counts, want %d", len(counts), maxEnded+maxInstances)
	}
	if _, _, _, err := failures(nil, counts); err != nil {
		t.Error(err)
	}
}

func TestACandidateThatFailsWhatIsForwardedToItIsShownToDoSo(t *testing.T) {
	strict := []v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: "0.5"}}
	latency := []v1alpha1.LiveGate{{Metric: v1alpha1.LiveLatency, Max: "1.1"}}
	both := kept(pod(1), 7, 100, 0, 0, 40, 40)
	both.BothFailed = ptr.To(int64(40))
	for name, c := range map[string]struct {
		gates  []v1alpha1.LiveGate
		counts []v1alpha1.ForwardCounts
		want   string
	}{
		"nothing was counted":              {nil, nil, ""},
		"nothing was forwarded":            {nil, []v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 9000, 0, 0, 0)}, ""},
		"all are answered":                 {nil, []v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 9000, 0, 1000, 0)}, ""},
		"a pod was replaced":               {nil, []v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 36, 0, 4, 3), kept(pod(2), 7, 10, 36, 0, 4, 3)}, ""},
		"the first eight fail":             {nil, []v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 72, 0, 8, 8)}, "it failed 8 of 8 requests that were forwarded to it: error-rate-difference is"},
		"a gate of latencies alone":        {latency, []v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 72, 0, 8, 8)}, "worse than the margin 0.01"},
		"a margin that allows it":          {strict, []v1alpha1.ForwardCounts{kept(pod(1), 7, 50, 60, 0, 60, 15)}, ""},
		"a quarter of them, by steps":      {nil, []v1alpha1.ForwardCounts{kept("", 0, 10, 180, 0, 20, 5), kept(pod(1), 8, 50, 20, 0, 20, 5)}, "it failed 10 of 40 requests"},
		"the stable version fails as many": {nil, []v1alpha1.ForwardCounts{kept(pod(1), 7, 50, 500, 50, 500, 50)}, ""},
		"all of them at a hundred percent": {nil, []v1alpha1.ForwardCounts{kept(pod(1), 7, 100, 0, 0, 12, 12)}, "it failed 12 of 12"},
		"at a hundred percent, both":       {nil, []v1alpha1.ForwardCounts{both}, ""},
		"a few of very many":               {nil, []v1alpha1.ForwardCounts{kept(pod(1), 7, 10, 90000, 10, 10000, 40)}, ""},
		"no more than it may":              {nil, []v1alpha1.ForwardCounts{kept(pod(1), 7, 50, 1000, 0, 1000, 10)}, ""},
		"a status that makes no sense":     {nil, []v1alpha1.ForwardCounts{kept(pod(1), 7, 50, 1, 5, -7, 900)}, ""},
		"a status without numbers":         {nil, []v1alpha1.ForwardCounts{{Instance: pod(1)}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ForwardsAgainst(c.gates, c.counts)
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// Both versions fail the same share of their requests, and somebody looks after each failure: at most one in twenty may be taken back.
func TestACandidateLikeTheStableVersionIsSeldomTakenBack(t *testing.T) {
	const rollouts = 200
	for _, c := range []struct {
		fails  float64
		margin v1alpha1.Decimal
	}{{0.002, "0.01"}, {0.02, "0.01"}, {0.01, "0.002"}, {0.1, "0.002"}} {
		random := rand.New(rand.NewPCG(1, 2))
		gates := []v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: c.margin}}
		wrong := 0
		for range rollouts {
			if takenBack(gates, func() bool { return random.Float64() < c.fails }) {
				wrong++
			}
		}
		if most := rollouts / 20; wrong > most {
			t.Errorf("failing %g with a margin of %s: %d of %d are taken back, want at most %d", c.fails, c.margin, wrong, rollouts, most)
		}
	}
}

// takenBack plays a rollout of three steps, and looks whenever a forwarded request has failed: nothing else speaks against a candidate.
func takenBack(gates []v1alpha1.LiveGate, fails func() bool) bool {
	var counts []v1alpha1.ForwardCounts
	for step, every := range []int{10, 2, 1} {
		generation := int64(step + 1)
		f := said(pod(step), generation, 0, 0, 0, 0)
		for n := range 800 {
			failed := fails()
			switch {
			case n%every != 0:
				f.Stable++
				if failed {
					f.StableFailed++
				}
				continue
			case !failed:
				f.Candidate++
				continue
			}
			f.Candidate, f.CandidateFailed = f.Candidate+1, f.CandidateFailed+1
			if fails() {
				f.BothFailed++
			}
			counts = AddForwards(counts, "tops-v2", told(generation, 100/every), []control.Forwards{f})
			if ForwardsAgainst(gates, counts) != "" {
				return true
			}
		}
	}
	return false
}
