package scale_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/scale"
	"github.com/braincreators/tryon-operator/internal/scale/scaletest"
)

var update = flag.Bool("update", false, "write the golden stories anew")

var settings = scale.Settings{MinReplicas: 1, MaxReplicas: 12}

// world is a calm one that the stories change: 0.3 s per request, 30 s until a pod has started.
func world(load func(time.Duration) float64) scaletest.World {
	return scaletest.World{
		Seed: 1, Length: 20 * time.Minute, Load: load, Service: 300 * time.Millisecond, StartUp: 30 * time.Second,
		MaxWait: 30 * time.Second, Replicas: 2,
	}
}

func constant(load float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return load }
}

// between has another load for some time.
func between(from, to time.Duration, load, otherwise float64) func(time.Duration) float64 {
	return func(t time.Duration) float64 {
		if t >= from && t < to {
			return load
		}
		return otherwise
	}
}

func remark(at time.Duration, what string) scaletest.Event {
	return scaletest.Event{At: at, What: what}
}

var restart = func(r *scaletest.Run) { r.Scaler.(*scaletest.Backlog).Memory = scale.Memory{} }

// stories are worlds with the settings that differ from the usual ones.
var stories = map[string]struct {
	world    func() scaletest.World
	settings func(*scale.Settings)
}{
	"five-fold step and fall": {world: func() scaletest.World {
		w := world(between(8*time.Minute, 14*time.Minute, 5, 1))
		w.Length = 26 * time.Minute
		w.Events = []scaletest.Event{remark(8*time.Minute, "five times the load"), remark(14*time.Minute, "the load falls back")}
		return w
	}},
	"slow ramp": {world: func() scaletest.World {
		return world(func(t time.Duration) float64 { return 1 + 4*t.Minutes()/20 })
	}},
	"spike shorter than start-up": {world: func() scaletest.World {
		w := world(between(8*time.Minute, 8*time.Minute+20*time.Second, 5, 1))
		w.Events = []scaletest.Event{remark(8*time.Minute, "five times the load for 20 s")}
		return w
	}},
	"noisy constant load": {world: func() scaletest.World {
		w := world(constant(3))
		w.Replicas, w.Length = 5, time.Hour
		return w
	}},
	"a pod lies": {world: func() scaletest.World {
		w := world(constant(2))
		w.Replicas, w.Length = 3, 25*time.Minute
		w.Events = []scaletest.Event{remark(7*time.Minute, "pod-2 claims to be overloaded beyond measure"), remark(12*time.Minute, "pod-2 tells the truth again")}
		w.Tamper = func(at time.Duration, serial int, said *scale.Reading) *scale.Reading {
			if serial == 2 && at >= 7*time.Minute && at < 12*time.Minute {
				said.Arrivals, said.Backlog, said.Busy = 1e300, 1e300, 1
			}
			return said
		}
		return w
	}},
	"the only pod lies": {world: func() scaletest.World {
		w := world(constant(0.4))
		w.Replicas = 1
		w.Events = []scaletest.Event{remark(7*time.Minute, "pod-1 claims to be overloaded beyond measure")}
		w.Tamper = func(at time.Duration, serial int, said *scale.Reading) *scale.Reading {
			if serial == 1 && at >= 7*time.Minute {
				said.Arrivals, said.Backlog, said.Busy = 1e300, 1e300, 1
			}
			return said
		}
		return w
	}},
	"readings missing": {world: func() scaletest.World {
		w := world(between(0, 7*time.Minute, 3, 1))
		w.Replicas, w.Length = 5, 25*time.Minute
		w.Events = []scaletest.Event{
			remark(7*time.Minute, "the load falls"), remark(8*time.Minute, "pod-2 cannot be read"), remark(14*time.Minute, "pod-2 can be read again"),
		}
		w.Tamper = func(at time.Duration, serial int, said *scale.Reading) *scale.Reading {
			if serial == 2 && at >= 8*time.Minute && at < 14*time.Minute {
				return nil
			}
			return said
		}
		return w
	}},
	"nobody can be read during a burst": {world: func() scaletest.World {
		w := world(between(8*time.Minute, 20*time.Minute, 5, 1))
		w.Events = []scaletest.Event{
			remark(6*time.Minute, "no pod can be read"), remark(8*time.Minute, "five times the load"), remark(10*time.Minute, "the pods can be read again"),
		}
		w.Tamper = func(at time.Duration, _ int, said *scale.Reading) *scale.Reading {
			if at >= 6*time.Minute && at < 10*time.Minute {
				return nil
			}
			return said
		}
		return w
	}},
	"manager restarts in the middle": {world: func() scaletest.World {
		w := world(between(8*time.Minute, 12*time.Minute, 5, 1))
		w.Length = 24 * time.Minute
		w.Events = []scaletest.Event{
			remark(8*time.Minute, "five times the load"), {At: 9 * time.Minute, What: "the manager restarts", Do: restart},
			remark(12*time.Minute, "the load falls back"), {At: 15 * time.Minute, What: "the manager restarts", Do: restart},
		}
		return w
	}},
	"the maximum is reached": {
		settings: func(s *scale.Settings) { s.MaxReplicas = 4 },
		world: func() scaletest.World {
			w := world(between(8*time.Minute, 12*time.Minute, 5, 1))
			w.Events = []scaletest.Event{remark(8*time.Minute, "five times the load"), remark(12*time.Minute, "the load falls back")}
			return w
		},
	},
	"somebody asks for more by hand": {world: func() scaletest.World {
		w := world(constant(1))
		w.Events = []scaletest.Event{{At: 8 * time.Minute, What: "kubectl scale --replicas=6", Do: func(r *scaletest.Run) { r.Wanted = 6 }}}
		return w
	}},
}

func TestStories(t *testing.T) {
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			s := settings
			if story.settings != nil {
				story.settings(&s)
			}
			got := scaletest.Play(story.world(), &scaletest.Backlog{Settings: s}).Story()
			file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the story is another one (-want +got):\n%s", diff)
			}
		})
	}
}
