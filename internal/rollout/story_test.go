package rollout_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
)

var update = flag.Bool("update", false, "write the golden stories anew")

var twoSteps = []rollout.Step{{Weight: 10, Hold: 20 * time.Second}, {Weight: 50, Hold: 10 * time.Second}}

// serving is a world in which v1 serves already.
func serving(replicas int32, steps ...rollout.Step) *world {
	w := newWorld(replicas, steps...)
	w.natures["v1"] = nature{readyAfter: 2 * time.Second}
	w.natures["v2"] = nature{readyAfter: 3 * time.Second}
	w.natures["v3"] = nature{readyAfter: 3 * time.Second}
	w.wanted = "v1"
	w.run(10 * time.Second)
	w.story, w.changes = nil, nil
	return w
}

func (w *world) order(command rollout.Command) {
	w.command = command
	w.event("the user says %q", command)
}

func (w *world) want(version, why string) {
	w.wanted = version
	w.event("%s", why)
}

var stories = map[string]func() *world{
	"first start": func() *world {
		w := newWorld(2)
		w.run(2 * time.Second)
		w.natures["v1"] = nature{readyAfter: 2 * time.Second}
		w.want("v1", "v1 passed its gates")
		w.run(10 * time.Second)
		return w
	},
	"good candidate through two steps": func() *world {
		w := serving(2, twoSteps...)
		w.want("v2", "v2 passed its gates")
		w.run(60 * time.Second)
		return w
	},
	"no steps": func() *world {
		w := serving(1)
		w.want("v2", "v2 passed its gates")
		w.run(20 * time.Second)
		return w
	},
	"candidate crashes and a better one comes": func() *world {
		w := serving(2, twoSteps...)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, failure: "pod v2-3: golden request 3 of 4 differs by 17 levels"}
		w.want("v2", "v2 passed its gates")
		w.run(20 * time.Second)
		w.want("v3", "v3 passed its gates")
		w.run(60 * time.Second)
		return w
	},
	"candidate loses a pod at ten percent": func() *world {
		w := serving(2, twoSteps...)
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		p := w.sets["v2"].pods[0]
		p.State, p.Failure, p.Since, p.born = fleet.PodBroken, "container runtime of pod v2-3 was killed", w.now, w.now.Add(7*time.Second)
		w.event("a pod of v2 runs out of memory, and is restarted ten seconds later")
		w.run(60 * time.Second)
		return w
	},
	"candidate fails on the live path": func() *world {
		w := serving(2, rollout.Step{Weight: 10, Hold: time.Minute}, rollout.Step{Weight: 50, Hold: time.Minute})
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, fails: true}
		w.want("v2", "v2 passed its gates, and fails whatever is forwarded to it")
		w.run(60 * time.Second)
		return w
	},
	"candidate fails at the end of its last step": func() *world {
		w := serving(1, rollout.Step{Weight: 50, Hold: 15 * time.Second})
		w.want("v2", "v2 passed its gates")
		w.run(13 * time.Second)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, fails: true}
		w.event("v2 fails whatever is forwarded to it")
		w.run(60 * time.Second)
		return w
	},
	"candidate that fails is promoted by command": func() *world {
		w := serving(1, rollout.Step{Weight: 50, Hold: time.Minute})
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, fails: true}
		w.want("v2", "v2 passed its gates, and fails whatever is forwarded to it")
		w.run(8 * time.Second)
		w.order(rollout.Promote)
		w.run(30 * time.Second)
		return w
	},
	"back to stable in the middle": func() *world {
		w := serving(2, twoSteps...)
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		w.want("v1", "the user fixes version 1")
		w.run(15 * time.Second)
		return w
	},
	"another version in the middle": func() *world {
		w := serving(2, twoSteps...)
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		w.want("v3", "v3 passed its gates")
		w.run(60 * time.Second)
		return w
	},
	"version is deleted in the middle": func() *world {
		w := serving(1, twoSteps...)
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		w.want("", "v2 is deleted, and v1 is not Ready any more")
		w.run(15 * time.Second)
		return w
	},
	"scale up in the middle": func() *world {
		w := serving(1, twoSteps...)
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		w.replicas = 3
		w.event("kubectl scale --replicas=3")
		w.run(60 * time.Second)
		return w
	},
	"steps are edited in the middle": func() *world {
		w := serving(1, rollout.Step{Weight: 50, Hold: time.Hour})
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		w.steps = []rollout.Step{{Weight: 5, Hold: 5 * time.Second}}
		w.event("the only step is now 5 percent for 5 seconds")
		w.run(20 * time.Second)
		return w
	},
	"one stable pod does not confirm": func() *world {
		w := serving(2, rollout.Step{Weight: 10})
		w.deaf[w.sets["v1"].pods[1].Name] = true
		w.want("v2", "v2 passed its gates, and a pod of v1 cannot be reached")
		w.run(15 * time.Second)
		w.deaf = map[string]bool{}
		w.event("the pod can be reached again")
		w.run(20 * time.Second)
		return w
	},
	"roll back to a fixed older version": func() *world {
		w := serving(1, rollout.Step{Weight: 50, Hold: 2 * time.Second})
		w.want("v2", "v2 passed its gates")
		w.run(30 * time.Second)
		w.want("v1", "the user fixes version 1")
		w.run(30 * time.Second)
		return w
	},
	"back to the old version while it drains": func() *world {
		w := serving(1)
		w.want("v2", "v2 passed its gates")
		for w.sets["v1"].deployed {
			w.run(time.Second)
		}
		w.want("v1", "the user fixes version 1")
		w.run(20 * time.Second)
		return w
	},
	"stable is broken for good": func() *world {
		w := serving(1, rollout.Step{Weight: 10, Hold: time.Hour})
		w.natures["v1"] = nature{failure: "CrashLoopBackOff"}
		w.event("the pods of v1 crash")
		w.run(5 * time.Second)
		w.want("v2", "v2 passed its gates")
		w.run(90 * time.Second)
		return w
	},
	"the control document is lost": func() *world {
		w := serving(2, twoSteps...)
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		w.control = rollout.Document{}
		w.event("somebody deletes the ConfigMap")
		w.run(60 * time.Second)
		return w
	},
	"the service is lost": func() *world {
		w := serving(2, twoSteps...)
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		w.routed = ""
		w.event("somebody deletes the Service")
		w.run(5 * time.Second)
		return w
	},
}

func TestStoriesAreToldAsRecorded(t *testing.T) {
	all := maps.Clone(stories)
	for _, more := range []map[string]func() *world{judgedStories, inPlaceStories, replayStories} {
		maps.Copy(all, more)
	}
	for name, tell := range all {
		t.Run(name, func(t *testing.T) {
			got := tell().text()
			path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("story differs (-want +got), run with -update to record it:\n%s", diff)
			}
		})
	}
}

// A manager is killed at every look, after any number of carried-out intents and before it writes the status. What happens to the
// cluster, in which order and for which reasons, must be the same.
func TestStoryIsTheSameFromAnyRestartPoint(t *testing.T) {
	for name, begin := range map[string]func() *world{
		"by steps":    func() *world { return serving(2, twoSteps...) },
		"judged good": func() *world { return judging(2) },
		"judged bad": func() *world {
			w := judging(2)
			w.natures["v2"] = nature{readyAfter: 3 * time.Second, bad: true}
			return w
		},
		"judged bad with a share": func() *world {
			w := judging(2)
			w.natures["v2"] = nature{readyAfter: 3 * time.Second, turnsBad: 25}
			return w
		},
		"aborted": func() *world {
			w := judging(2)
			w.command = rollout.Abort
			return w
		},
		"in place": func() *world { return crowded(3, rollout.Step{Weight: 50, Hold: 5 * time.Second}) },
		"in place judged bad with a share": func() *world {
			w := crowded(3, rollout.Step{Shadow: 20}, rollout.Step{Weight: 60, Hold: 30 * time.Second})
			w.natures["v2"] = nature{readyAfter: 3 * time.Second, turnsBad: 38}
			return w
		},
		"fails on the live path": func() *world {
			w := serving(2, rollout.Step{Weight: 10, Hold: time.Minute})
			w.natures["v2"] = nature{readyAfter: 3 * time.Second, fails: true}
			return w
		},
		"in place fails on the live path": func() *world {
			w := crowded(3, rollout.Step{Weight: 60, Hold: time.Minute})
			w.natures["v2"] = nature{readyAfter: 3 * time.Second, fails: true}
			return w
		},
		"replayed good": func() *world { return replaying(2) },
		"replayed bad": func() *world {
			w := replaying(2)
			w.natures["v2"] = nature{readyAfter: 3 * time.Second, bad: true}
			return w
		},
		"replayed and refused": func() *world {
			w := replaying(2)
			w.silence, w.natures["v2"] = rollout.SilenceReject, nature{readyAfter: 3 * time.Second, unheard: refused}
			return w
		},
	} {
		t.Run(name, func(t *testing.T) { restartEverywhere(t, begin) })
	}
}

func restartEverywhere(t *testing.T, begin func() *world) {
	tell := func(look, intents int) (changes []string, looks int) {
		w := begin()
		w.wanted, w.touched = "v2", true
		for end := w.now.Add(80 * time.Second); w.now.Before(end); w.advance() {
			if !w.touched && (w.recheck.IsZero() || w.now.Before(w.recheck)) {
				continue
			}
			limit := 1000
			if looks == look {
				limit = intents
			}
			w.reconcile(limit)
			looks++
		}
		return w.changes, looks
	}
	want, looks := tell(-1, 0)
	if len(want) < 1 {
		t.Fatalf("undisturbed rollout has only %d changes: %v", len(want), want)
	}
	for look := range looks {
		for intents := range 5 {
			got, _ := tell(look, intents)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("killed at look %d after %d intents (-want +got):\n%s", look, intents, diff)
			}
		}
	}
}
