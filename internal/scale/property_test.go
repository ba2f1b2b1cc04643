package scale_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale"
	"github.com/braincreators/tryon-operator/internal/scale/scaletest"
)

// walk is a random history that no world would have: pods come and go, say anything or nothing, the clock jumps, settings are nonsense.
type walk struct {
	random *rand.Rand
	facts  scale.Facts
	serial int
}

func (w *walk) step() {
	if w.random.IntN(40) == 0 {
		w.facts.Now = w.facts.Now.Add(time.Duration(w.random.Int64N(int64(4*time.Hour))) - 2*time.Hour)
	}
	w.facts.Now = w.facts.Now.Add(time.Duration(w.random.Int64N(int64(12 * time.Second))))
	for len(w.facts.Pods) < int(min(w.facts.Wanted, 40)) {
		w.serial++
		w.facts.Pods = append(w.facts.Pods, scale.Pod{Name: fmt.Sprint(w.serial), Created: w.facts.Now})
	}
	w.facts.Pods = w.facts.Pods[:min(len(w.facts.Pods), int(max(w.facts.Wanted, 0)))]
	for i := range w.facts.Pods {
		p := &w.facts.Pods[i]
		if w.random.IntN(5) == 0 {
			p.ReadyAt = w.facts.Now
		}
		if w.random.IntN(200) == 0 {
			p.ReadyAt = time.Time{}
		}
		if w.random.IntN(4) > 0 {
			p.Reading = w.says()
		}
	}
	w.facts.Others = nil
	for range w.random.IntN(4) {
		w.facts.Others = append(w.facts.Others, scale.Pod{Name: "other", ReadyAt: w.facts.Now.Add(-time.Minute), Reading: w.says()})
	}
}

func (w *walk) says() *scale.Reading {
	at := w.facts.Now
	if w.random.IntN(50) == 0 {
		at = at.Add(time.Duration(w.random.Int64N(int64(time.Minute))) - 30*time.Second)
	}
	return &scale.Reading{At: at, Backlog: w.number(30), Arrivals: w.number(1.2), Busy: w.number(1)}
}

func (w *walk) number(usual float64) float64 {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e308, math.SmallestNonzeroFloat64, math.MaxFloat64}
	if w.random.IntN(60) == 0 {
		return odd[w.random.IntN(len(odd))]
	}
	return usual * w.random.Float64()
}

func (w *walk) settings() scale.Settings {
	duration := func() time.Duration { return time.Duration(w.random.Int64N(int64(10*time.Minute))) - 2*time.Minute }
	return scale.Settings{
		MinReplicas: w.random.Int32N(6) - 1, MaxReplicas: w.random.Int32N(20) - 2, TargetBacklog: duration(), MaxBacklog: duration(),
		Utilisation: w.number(2), StableWindow: duration(), BurstWindow: duration(), ScaleDownDelay: duration(), MaxScaleUp: w.number(9), MaxScaleDown: w.number(9),
	}
}

// unknown are the pods that have been ready for a minute and whose last word is no answer.
func unknown(f scale.Facts) (n int) {
	for _, p := range f.Pods {
		if p.ReadyAt.IsZero() || f.Now.Sub(p.ReadyAt) < time.Minute {
			continue
		}
		if r := p.Reading; r == nil || f.Now.Sub(r.At) > time.Minute || math.IsNaN(r.Arrivals+r.Backlog+r.Busy) || r.Arrivals < 0 || r.Backlog < 0 || r.Busy < 0 {
			n++
		}
	}
	return n
}

func TestRandomWalksNeverLeaveTheBoundsNorScaleInBlindly(t *testing.T) {
	in := 0
	for seed := range uint64(100) {
		w := &walk{random: rand.New(rand.NewPCG(seed, 1)), facts: scale.Facts{Now: start, Wanted: 3}}
		s, calm := settings, seed%2 == 0
		if !calm {
			s = w.settings()
		}
		low, high := max(s.MinReplicas, 1), max(s.MaxReplicas, s.MinReplicas, 1)
		var memory scale.Memory
		for i := range 500 {
			w.step()
			var got scale.Decision
			got, memory = scale.Decide(s, w.facts, memory)
			if got.Replicas < low || got.Replicas > high {
				t.Fatalf("seed %d, step %d: %d replicas are outside %d to %d: %s", seed, i, got.Replicas, low, high, got.Message)
			}
			if got.Message == "" || len(got.Message) > 400 || got.Reason == "" || got.RecheckAfter <= 0 {
				t.Fatalf("seed %d, step %d: %+v", seed, i, got)
			}
			if got.Replicas < min(w.facts.Wanted, high) {
				in++
				if n := unknown(w.facts); n > 0 {
					t.Fatalf("seed %d, step %d: from %d to %d replicas although %d pods are unknown: %s", seed, i, w.facts.Wanted, got.Replicas, n, got.Message)
				}
			}
			w.facts.Wanted = got.Replicas
			if w.random.IntN(100) == 0 {
				w.facts.Wanted = w.random.Int32N(30) - 2
			}
		}
	}
	if in == 0 {
		t.Error("no walk ever scaled in: the test is blind")
	}
}

// randomWorld has a load that nobody planned: levels that hold for a while, with steps between them.
func randomWorld(seed uint64) scaletest.World {
	random := rand.New(rand.NewPCG(seed, 2))
	levels := make([]float64, 40)
	for i := range levels {
		levels[i] = 6 * random.Float64() * random.Float64()
	}
	w := world(func(t time.Duration) float64 { return levels[int(t/(3*time.Minute))%len(levels)] })
	w.Seed, w.Length = seed, time.Hour
	w.StartUp = time.Duration(5+random.IntN(90)) * time.Second
	return w
}

func TestScaleInLeavesWhatTheArrivalsNeedAndKeepsToItsRate(t *testing.T) {
	in := 0
	for seed := range uint64(12) {
		run := scaletest.Play(randomWorld(seed), &scaletest.Backlog{Settings: settings})
		last := -time.Hour
		for _, p := range run.Looks {
			if p.Wanted >= p.Was {
				continue
			}
			in++
			if float64(p.Wanted) < p.Said {
				t.Errorf("seed %d at %v: %d replicas are fewer than the %.1f pods' worth of work that arrives", seed, p.At, p.Wanted, p.Said)
			}
			if 2*p.Wanted < p.Was {
				t.Errorf("seed %d at %v: from %d to %d is more than half", seed, p.At, p.Was, p.Wanted)
			}
			if p.At-last < time.Minute {
				t.Errorf("seed %d at %v: the last scale-in was at %v", seed, p.At, last)
			}
			last = p.At
		}
	}
	if in < 20 {
		t.Errorf("only %d decisions to scale in: the test is blind", in)
	}
}

func TestAFiveFoldStepIsMetInTimeAndFallsWithoutOscillation(t *testing.T) {
	const step, fall = 8 * time.Minute, 16 * time.Minute
	for seed := range uint64(15) {
		w := world(between(step, fall, 5, 1))
		w.Seed, w.Length = seed, 30*time.Minute
		run := scaletest.Play(w, &scaletest.Backlog{Settings: settings})
		ordered, in, outAgain := time.Duration(0), 0, 0
		for _, p := range run.Looks {
			if ordered == 0 && p.At > step && p.Wanted >= 6 {
				ordered = p.At - step
			}
			if p.At > step && p.Wanted < p.Was {
				in++
			}
			if in > 0 && p.Wanted > p.Was {
				outAgain++
			}
		}
		for _, m := range run.Moments {
			if m.At > step+w.StartUp+2*time.Minute && m.At < fall && m.Wait > 4 {
				t.Errorf("seed %d at %v: a request waits %.1f s, which is above the target", seed, m.At, m.Wait)
			}
		}
		if ordered == 0 || ordered > 30*time.Second {
			t.Errorf("seed %d: enough pods were ordered after %v", seed, ordered)
		}
		if in == 0 || outAgain > 0 {
			t.Errorf("seed %d: in %d times, and out again %d times", seed, in, outAgain)
		}
		if last := run.Looks[len(run.Looks)-1]; last.Wanted > 3 {
			t.Errorf("seed %d: %d replicas are left long after the fall", seed, last.Wanted)
		}
	}
}

func TestConstantLoadDoesNotFlap(t *testing.T) {
	for seed := range uint64(10) {
		w := world(constant(0.5 + 0.5*float64(seed)))
		w.Seed, w.Length, w.Replicas = seed, 2*time.Hour, 2
		run := scaletest.Play(w, &scaletest.Backlog{Settings: settings})
		settled := 0
		for _, p := range run.Looks {
			if p.At > 20*time.Minute && p.Wanted != p.Was {
				settled++
			}
		}
		if settled > 3 {
			t.Errorf("load %.1f: %d changes in 100 minutes\n%s", 0.5+0.5*float64(seed), settled, run.Story())
		}
	}
}
