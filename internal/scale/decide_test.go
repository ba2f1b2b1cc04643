package scale_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale"
	"github.com/braincreators/tryon-operator/internal/scale/scaletest"
)

var start = scaletest.Epoch

// alike are n pods that have been ready for an hour, took 30 s to start, and say the same.
func alike(n int, now time.Time, says scale.Reading) scale.Facts {
	f := scale.Facts{Now: now, Wanted: int32(n)}
	for i := range n {
		said := says
		said.At = now
		f.Pods = append(f.Pods, scale.Pod{
			Name: fmt.Sprintf("pod-%d", i+1), Created: start.Add(-time.Hour), ReadyAt: start.Add(-time.Hour + 30*time.Second), Reading: &said,
		})
	}
	return f
}

// watched is the memory after n pods said the same for some time, a look every 5 s.
func watched(s scale.Settings, n int, says scale.Reading, length time.Duration) (scale.Memory, time.Time) {
	var m scale.Memory
	now := start
	for ; now.Sub(start) < length; now = now.Add(5 * time.Second) {
		_, m = scale.Decide(s, alike(n, now, says), m)
	}
	return m, now
}

func TestADecisionHasItsReason(t *testing.T) {
	calm := scale.Reading{Backlog: 0.3, Arrivals: 0.6, Busy: 0.6}
	idle := scale.Reading{Backlog: 0, Arrivals: 0.1, Busy: 0.1}
	flooded := scale.Reading{Backlog: 20, Arrivals: 3, Busy: 1}
	cases := map[string]struct {
		settings scale.Settings
		before   scale.Reading
		length   time.Duration
		pods     int
		change   func(*scale.Facts)
		want     int32
		reason   scale.Reason
		says     string
	}{
		"the load fits":           {before: calm, length: 6 * time.Minute, pods: 4, want: 4, reason: scale.ReasonSteady},
		"nothing was watched yet": {before: flooded, pods: 2, want: 2, reason: scale.ReasonWatching, says: "10s"},
		"the arrivals are more than all pods can do": {
			before: calm, length: 6 * time.Minute, pods: 2, want: 8, reason: scale.ReasonBurst, says: "8 replicas are needed",
			change: func(f *scale.Facts) { f.Now = f.Now.Add(10 * time.Second); say(f, flooded) },
		},
		"a burst right after a restart": {before: flooded, length: 15 * time.Second, pods: 2, want: 8, reason: scale.ReasonBurst},
		"arrivals above the planned utilisation for the stable window": {
			before: scale.Reading{Arrivals: 0.9, Busy: 0.9}, length: 70 * time.Second, pods: 4, want: 5, reason: scale.ReasonLoadRose,
		},
		"the same before the stable window was watched": {
			before: scale.Reading{Arrivals: 0.9, Busy: 0.9}, length: 50 * time.Second, pods: 4, want: 4, reason: scale.ReasonSteady,
		},
		"a burst beyond the maximum": {
			settings: scale.Settings{MinReplicas: 1, MaxReplicas: 3}, before: flooded, length: 15 * time.Second, pods: 2, want: 3,
			reason: scale.ReasonAtMaximum, says: "maxReplicas is 3",
		},
		"still beyond the maximum when it is reached": {
			settings: scale.Settings{MinReplicas: 1, MaxReplicas: 2}, before: flooded, length: 15 * time.Second, pods: 2, want: 2, reason: scale.ReasonAtMaximum,
		},
		"more than the rate allows": {
			settings: scale.Settings{MinReplicas: 1, MaxReplicas: 50, MaxScaleUp: 3}, before: flooded, length: 15 * time.Second, pods: 2, want: 6,
			reason: scale.ReasonBurst, says: "at most 3 times the 2 that are ready",
		},
		"idle for the whole delay: at most half goes at once": {
			before: idle, length: 6 * time.Minute, pods: 8, want: 4, reason: scale.ReasonLoadFell,
		},
		"idle, but not for long enough": {before: idle, length: 4 * time.Minute, pods: 8, want: 8, reason: scale.ReasonDelayed, says: "5m0s"},
		"idle, but one pod is silent": {
			before: idle, length: 6 * time.Minute, pods: 4, want: 4, reason: scale.ReasonReadingsMissing, says: "pod-2",
			change: func(f *scale.Facts) { f.Pods[1].Reading = nil },
		},
		"one fewer would be enough, but without any margin": {
			before: scale.Reading{Arrivals: 0.55, Busy: 0.55}, length: 6 * time.Minute, pods: 4, want: 4, reason: scale.ReasonSteady,
		},
		"one fewer would be enough with a margin": {
			before: scale.Reading{Arrivals: 0.5, Busy: 0.5}, length: 6 * time.Minute, pods: 4, want: 3, reason: scale.ReasonLoadFell,
		},
		"idle, but at the minimum": {
			settings: scale.Settings{MinReplicas: 3, MaxReplicas: 9}, before: idle, length: 6 * time.Minute, pods: 3, want: 3, reason: scale.ReasonSteady,
		},
		"idle, but the pods are still working": {
			before: idle, length: 6 * time.Minute, pods: 4, want: 4, reason: scale.ReasonDelayed,
			change: func(f *scale.Facts) { say(f, scale.Reading{Arrivals: 0.1, Busy: 1}) },
		},
		"idle, and somebody has just asked for more": {
			before: idle, length: 6 * time.Minute, pods: 2, want: 6, reason: scale.ReasonRequested,
			says: "1 replica is enough for that, and 6 were asked for", change: func(f *scale.Facts) { f.Wanted = 6 },
		},
		"another version gets more than all pods could do": {
			before: calm, length: 6 * time.Minute, pods: 2, want: 10, reason: scale.ReasonBurst,
			change: func(f *scale.Facts) {
				f.Now = f.Now.Add(10 * time.Second)
				say(f, calm)
				f.Others = alike(2, f.Now, flooded).Pods
			},
		},
		"idle, but another version that does a part of the work is silent": {
			before: idle, length: 6 * time.Minute, pods: 4, want: 4, reason: scale.ReasonReadingsMissing, says: "pod-1",
			change: func(f *scale.Facts) {
				f.Others = alike(1, f.Now, idle).Pods
				f.Others[0].Reading = nil
			},
		},
		"all pods are silent": {
			before: flooded, length: time.Minute, pods: 3, want: 3, reason: scale.ReasonReadingsMissing,
			change: func(f *scale.Facts) {
				for i := range f.Pods {
					f.Pods[i].Reading = nil
				}
			},
		},
		"no pod is ready": {
			before: flooded, length: time.Minute, pods: 3, want: 3, reason: scale.ReasonNoPodReady,
			change: func(f *scale.Facts) {
				for i := range f.Pods {
					f.Pods[i].ReadyAt = time.Time{}
				}
			},
		},
		"more than the maximum is wanted": {
			before: calm, length: time.Minute, pods: 4, want: 12, reason: scale.ReasonBounds, says: "40 replicas were outside the bounds of 1 to 12",
			change: func(f *scale.Facts) { f.Wanted = 40 },
		},
		"none is wanted": {
			before: calm, length: time.Minute, pods: 1, want: 1, reason: scale.ReasonBounds, change: func(f *scale.Facts) { f.Wanted = 0 },
		},
		"pods that are coming are enough": {
			before: flooded, length: time.Minute, pods: 2, want: 10, reason: scale.ReasonRequested, says: "9 replicas are enough",
			change: func(f *scale.Facts) {
				f.Wanted = 10
				for range 8 {
					f.Pods = append(f.Pods, scale.Pod{Created: f.Now.Add(-20 * time.Second)})
				}
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := c.settings
			if s.MaxReplicas == 0 {
				s = settings
			}
			memory, now := watched(s, c.pods, c.before, c.length)
			facts := alike(c.pods, now, c.before)
			if c.change != nil {
				c.change(&facts)
			}
			got, _ := scale.Decide(s, facts, memory)
			if got.Replicas != c.want || got.Reason != c.reason {
				t.Errorf("got %d, %s (%s); want %d, %s", got.Replicas, got.Reason, got.Message, c.want, c.reason)
			}
			if !strings.Contains(got.Message, c.says) {
				t.Errorf("message %q does not say %q", got.Message, c.says)
			}
			if got.RecheckAfter < time.Second || got.RecheckAfter > 10*time.Second {
				t.Errorf("recheck after %v", got.RecheckAfter)
			}
		})
	}
}

func say(f *scale.Facts, says scale.Reading) {
	for i := range f.Pods {
		said := says
		said.At = f.Now
		f.Pods[i].Reading = &said
	}
}

func TestAReadingThatCannotBeTrueIsMissing(t *testing.T) {
	idle := scale.Reading{Arrivals: 0.1, Busy: 0.1}
	cases := map[string]func(r *scale.Reading){
		"arrivals are not a number": func(r *scale.Reading) { r.Arrivals = math.NaN() },
		"backlog is infinite":       func(r *scale.Reading) { r.Backlog = math.Inf(1) },
		"backlog is minus infinity": func(r *scale.Reading) { r.Backlog = math.Inf(-1) },
		"busy is negative":          func(r *scale.Reading) { r.Busy = -0.1 },
		"arrivals are negative":     func(r *scale.Reading) { r.Arrivals = -1e308 },
		"stale":                     func(r *scale.Reading) { r.At = r.At.Add(-21 * time.Second) },
		"from the beginning":        func(r *scale.Reading) { r.At = time.Time{} },
		"from the future":           func(r *scale.Reading) { r.At = r.At.Add(3 * time.Second) },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			memory, now := watched(settings, 4, idle, 6*time.Minute)
			facts := alike(4, now, idle)
			spoil(facts.Pods[2].Reading)
			got, _ := scale.Decide(settings, facts, memory)
			if got.Replicas != 4 || got.Reason != scale.ReasonReadingsMissing {
				t.Errorf("got %d, %s (%s); want 4 because pod-3 is not known", got.Replicas, got.Reason, got.Message)
			}
		})
	}
}

func TestOnePodsWildClaimMovesLittle(t *testing.T) {
	calm := scale.Reading{Backlog: 0.2, Arrivals: 0.5, Busy: 0.5}
	for name, claim := range map[string]scale.Reading{
		"huge": {Backlog: 1e300, Arrivals: 1e300, Busy: 1}, "nothing at all": {},
	} {
		t.Run(name, func(t *testing.T) {
			memory, now := watched(settings, 4, calm, 6*time.Minute)
			for range 100 {
				facts := alike(4, now, calm)
				claim.At = now
				facts.Pods[0].Reading = &claim
				var got scale.Decision
				got, memory = scale.Decide(settings, facts, memory)
				if got.Replicas < 3 || got.Replicas > 5 {
					t.Fatalf("got %d, %s (%s); want within one of the 4 there are", got.Replicas, got.Reason, got.Message)
				}
				now = now.Add(5 * time.Second)
			}
		})
	}
}

func TestAfterAPodWasSilentTheWholeDelayIsWatchedAgain(t *testing.T) {
	idle := scale.Reading{Arrivals: 0.1, Busy: 0.1}
	memory, now := watched(settings, 6, idle, 6*time.Minute)
	silent := alike(6, now, idle)
	silent.Pods[3].Reading = nil
	_, memory = scale.Decide(settings, silent, memory)
	back := now.Add(5 * time.Second)
	for now = back; now.Sub(back) < 5*time.Minute; now = now.Add(5 * time.Second) {
		var got scale.Decision
		if got, memory = scale.Decide(settings, alike(6, now, idle), memory); got.Replicas != 6 {
			t.Fatalf("%v after it was back: %d, %s (%s)", now.Sub(back), got.Replicas, got.Reason, got.Message)
		}
	}
	if got, _ := scale.Decide(settings, alike(6, now, idle), memory); got.Replicas != 3 {
		t.Errorf("after the whole delay: %d, %s (%s), want 3", got.Replicas, got.Reason, got.Message)
	}
}

func TestWhatABurstOrderedStaysForTheDelay(t *testing.T) {
	calm, flood := scale.Reading{Arrivals: 0.3, Busy: 0.3}, scale.Reading{Backlog: 20, Arrivals: 3, Busy: 1}
	memory, now := watched(settings, 2, calm, 6*time.Minute)
	ordered, memory := scale.Decide(settings, alike(2, now.Add(10*time.Second), flood), memory)
	if ordered.Replicas < 6 {
		t.Fatalf("the burst ordered only %d: %s", ordered.Replicas, ordered.Message)
	}
	for after := 5 * time.Second; after <= 5*time.Minute; after += 5 * time.Second {
		facts := alike(2, now.Add(10*time.Second+after), calm)
		facts.Wanted = ordered.Replicas
		var got scale.Decision
		if got, memory = scale.Decide(settings, facts, memory); got.Replicas < ordered.Replicas {
			t.Fatalf("%v after the order: %d of %d, %s (%s)", after, got.Replicas, ordered.Replicas, got.Reason, got.Message)
		}
	}
}

func TestASilentPodCountsLikeTheOthers(t *testing.T) {
	busy := scale.Reading{Arrivals: 0.9, Busy: 0.9}
	memory, now := watched(settings, 4, busy, 50*time.Second)
	for i := range 6 {
		facts := alike(4, now.Add(time.Duration(i)*5*time.Second), busy)
		facts.Pods[0].Reading = nil
		var got scale.Decision
		if got, memory = scale.Decide(settings, facts, memory); i == 5 && got.Replicas != 5 {
			t.Errorf("got %d, %s (%s); want 5 as if all four were heard", got.Replicas, got.Reason, got.Message)
		}
	}
}

func TestStuckPodsDoNotCountAsComing(t *testing.T) {
	flooded := scale.Reading{Backlog: 29, Arrivals: 1.5, Busy: 1}
	brisk := settings
	brisk.StableWindow = 10 * time.Second
	order := func(age time.Duration) int32 {
		memory, now := watched(brisk, 2, flooded, time.Minute)
		facts := alike(2, now, flooded)
		facts.Wanted = 5
		for range 3 {
			facts.Pods = append(facts.Pods, scale.Pod{Created: now.Add(-age)})
		}
		got, _ := scale.Decide(brisk, facts, memory)
		return got.Replicas
	}
	if coming, stuck := order(29*time.Second), order(10*time.Minute); coming != 5 || stuck <= 5 {
		t.Errorf("%d replicas with three pods about to be ready, %d with three that are stuck; want more for these", coming, stuck)
	}
}

func TestNoClaimOfASinglePodIsBeyondWhatIsPossible(t *testing.T) {
	for name, claim := range map[string]scale.Reading{"backlog": {Backlog: 1e300, Arrivals: 0.5, Busy: 0.5}, "arrivals": {Backlog: 30, Arrivals: 1e300, Busy: 1}} {
		t.Run(name, func(t *testing.T) {
			wide := scale.Settings{MinReplicas: 1, MaxReplicas: 1000, MaxScaleUp: 100}
			if name == "arrivals" {
				wide.MaxScaleUp = 4
			}
			memory, now := watched(wide, 1, claim, 30*time.Second)
			got, _ := scale.Decide(wide, alike(1, now, claim), memory)
			if got.Replicas > 6 || !strings.Contains(got.Message, "waits 30s") {
				t.Errorf("got %d, %s (%s); want a handful at most, and a wait of at most 30s", got.Replicas, got.Reason, got.Message)
			}
		})
	}
}

func TestDecideChangesNothingThatItIsGiven(t *testing.T) {
	says := scale.Reading{Backlog: 10, Arrivals: 2, Busy: 1}
	memory, now := watched(settings, 3, says, 6*time.Minute)
	facts := alike(3, now, says)
	first, after := scale.Decide(settings, facts, memory)
	again, afterAgain := scale.Decide(settings, facts, memory)
	if first != again || !reflect.DeepEqual(after, afterAgain) {
		t.Errorf("the same question had two answers: %+v and %+v", first, again)
	}
}

func TestAClockThatJumpsOrAPauseEndWhatIsKnown(t *testing.T) {
	idle := scale.Reading{Arrivals: 0.1, Busy: 0.1}
	for name, jump := range map[string]time.Duration{"an hour back": -time.Hour, "an hour on": time.Hour, "a minute on": time.Minute} {
		t.Run(name, func(t *testing.T) {
			memory, now := watched(settings, 6, idle, 6*time.Minute)
			now = now.Add(jump)
			for since := time.Duration(0); since < 5*time.Minute; since += 5 * time.Second {
				var got scale.Decision
				got, memory = scale.Decide(settings, alike(6, now.Add(since), idle), memory)
				if got.Replicas != 6 {
					t.Fatalf("%v after the jump: %d, %s (%s)", since, got.Replicas, got.Reason, got.Message)
				}
			}
			if got, _ := scale.Decide(settings, alike(6, now.Add(5*time.Minute), idle), memory); got.Replicas != 3 {
				t.Errorf("after the whole delay: %d, %s (%s), want 3", got.Replicas, got.Reason, got.Message)
			}
		})
	}
}

func TestSettingsSayWhatIsWrongWithThem(t *testing.T) {
	good := scale.Settings{MinReplicas: 1, MaxReplicas: 3}
	cases := map[string]struct {
		change func(*scale.Settings)
		want   string
	}{
		"defaults":              {func(*scale.Settings) {}, ""},
		"scale to zero":         {func(s *scale.Settings) { s.MinReplicas = 0 }, "scaling to zero is not supported"},
		"crossed bounds":        {func(s *scale.Settings) { s.MinReplicas = 4 }, "maxReplicas is below minReplicas"},
		"negative target":       {func(s *scale.Settings) { s.TargetBacklog = -1 }, "targetBacklog"},
		"utilisation above one": {func(s *scale.Settings) { s.Utilisation = 1.5 }, "utilisation"},
		"not a number":          {func(s *scale.Settings) { s.MaxScaleUp = math.NaN() }, "maxScaleUp"},
		"delay below window":    {func(s *scale.Settings) { s.ScaleDownDelay = time.Second }, "scaleDownDelay"},
		"burst above stable":    {func(s *scale.Settings) { s.BurstWindow = time.Hour }, "burstWindow"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := good
			c.change(&s)
			err := s.Check()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
