package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
)

// walk is a random history: versions come and go, the user scales and edits, pods crash and recover, the manager is killed.
type walk struct {
	*testing.T
	*world
	random *rand.Rand
	// reached is the capacity that the routed pods had; as long as nothing crashes and nobody scales it must not shrink.
	reached int32
	calm    bool
	// last is the version that has to serve in the end.
	last string
}

func (w *walk) happen() {
	versions := []string{"v1", "v2", "v3"}
	switch w.random.IntN(21) {
	case 0, 1:
		w.want(versions[w.random.IntN(len(versions))], "another version is wanted")
	case 2:
		w.want("", "nothing may be served")
	case 3:
		w.replicas = 1 + w.random.Int32N(3)
		w.event("%d replicas", w.replicas)
		w.promiseAnew()
	case 4:
		w.steps = randomSteps(w.random)
		w.event("steps are %v", w.steps)
	case 5:
		version := versions[w.random.IntN(len(versions))]
		w.natures[version] = nature{readyAfter: 2 * time.Second, failure: "crash"}
		w.breakPods(version)
		w.event("%s crashes", version)
	case 6:
		version := versions[w.random.IntN(len(versions))]
		w.natures[version] = nature{readyAfter: 2 * time.Second}
		w.event("%s recovers", version)
	case 7:
		for _, name := range w.names() {
			for _, p := range w.sets[name].pods {
				w.deaf[p.Name] = w.random.IntN(4) == 0
			}
		}
		w.event("some pods cannot be reached")
	case 8:
		w.control = rollout.Document{}
		w.event("the ConfigMap is deleted")
		w.promiseAnew()
	case 9, 10:
		w.order([]rollout.Command{"", "", rollout.Pause, rollout.Abort, rollout.Promote}[w.random.IntN(5)])
	case 11:
		w.silent = !w.silent
		w.event("no shopper comes: %v", w.silent)
	case 12:
		w.spec += w.random.IntN(2)
		w.event("the gates are those of spec %d", w.spec)
	case 13:
		w.retry = fmt.Sprint(w.random.IntN(3))
		w.event("retry %s", w.retry)
	case 14:
		w.silence, w.deadline = silences[w.random.IntN(3)], time.Duration(w.random.IntN(40))*time.Second
		w.event("the deadline is %s, on silence %s", w.deadline, w.silence)
	case 15:
		w.natures[versions[w.random.IntN(len(versions))]] = nature{readyAfter: 2 * time.Second, bad: w.random.IntN(2) == 0, turnsBad: w.random.IntN(30)}
		w.event("a version is not what it was")
	case 16:
		w.inPlace = !w.inPlace
		w.event("in place: %v", w.inPlace)
		w.promiseAnew()
	case 17:
		w.known = 10 * w.random.IntN(4)
		w.event("%d requests are known", w.known)
	case 18:
		w.natures[versions[w.random.IntN(len(versions))]] = nature{readyAfter: 2 * time.Second, unasked: "no node has room for it"}
		w.event("a version cannot be replayed")
	case 19:
		w.natures[versions[w.random.IntN(len(versions))]] = nature{readyAfter: 2 * time.Second, unheard: "its evidence was refused"}
		w.event("what a replay says of a version is refused")
	case 20:
		w.natures[versions[w.random.IntN(len(versions))]] = nature{readyAfter: 2 * time.Second, fails: true}
		w.event("a version fails what is forwarded to it")
	}
}

// promised is how many pods that requests are sent to must stay ready.
func (w *walk) promised() int32 {
	if w.inPlace && w.replicas >= 2 {
		return w.replicas - 1
	}
	return w.replicas
}

// promiseAnew is for a change of what is promised: what is there now may be less.
func (w *walk) promiseAnew() { w.reached = min(w.reached, w.promised(), w.capacity()) }

// capacity counts the ready pods that requests are sent to: in place those of a candidate with a share, too.
func (w *walk) capacity() int32 {
	ready := w.readyRouted()
	if c := w.control.Candidate; w.inPlace && w.replicas >= 2 && c != nil && c.Version != w.routed && w.sets[c.Version] != nil {
		ready += fleet.Set{Pods: podsOf(w.sets[c.Version])}.Ready()
	}
	return ready
}

// crashed says whether a pod that requests are sent to failed.
func (w *walk) crashed() bool {
	broken := func(version string) bool {
		s := w.sets[version]
		return s != nil && slices.ContainsFunc(s.pods, func(p *pod) bool { return p.State == fleet.PodBroken })
	}
	return broken(w.routed) || (w.control.Candidate != nil && broken(w.control.Candidate.Version))
}

// pods counts all that take a place on a node.
func (w *walk) pods() (n int32) {
	for _, s := range w.sets {
		n += int32(len(s.pods))
	}
	return n
}

func (w *walk) breakPods(version string) {
	if s := w.sets[version]; s != nil {
		for _, p := range s.pods {
			if p.State != fleet.PodLeaving {
				p.State, p.Since, p.Failure = fleet.PodBroken, w.now, "crash"
			}
		}
	}
	if c := w.control.Candidate; version == w.routed || (w.inPlace && c != nil && c.Version == version) {
		w.reached = 0
	}
}

func randomSteps(random *rand.Rand) []rollout.Step {
	var steps []rollout.Step
	switch random.IntN(3) {
	case 0:
		steps = append(steps, rollout.Step{Replay: true})
	case 1:
		steps = append(steps, rollout.Step{Shadow: 20, Hold: time.Duration(random.IntN(6)) * time.Second})
	}
	weight := 0
	for range random.IntN(4) {
		weight = min(100, weight+random.IntN(50)+1)
		steps = append(steps, rollout.Step{Weight: weight, Hold: time.Duration(random.IntN(6)) * time.Second})
	}
	return steps
}

func (w *walk) fail(format string, args ...any) {
	w.Helper()
	w.Fatalf("%s\n%s", fmt.Sprintf(format, args...), w.text())
}

func (w *walk) second() {
	if w.touched || (!w.recheck.IsZero() && !w.now.Before(w.recheck)) {
		before := w.facts()
		limit := 1000
		if !w.calm && w.random.IntN(10) == 0 {
			limit = w.random.IntN(5)
		}
		plan := w.reconcile(limit)
		w.check(before, plan)
		if r := plan.Rejection; r != nil && r.Reason == v1alpha1.ReasonForwardsFailed {
			// In place its pods get no requests any more, which they failed.
			w.reached = 0
		}
	}
	places := w.pods()
	w.advance()
	ready := w.capacity()
	if ready < w.reached {
		w.fail("ready capacity fell from %d to %d with %d promised", w.reached, ready, w.promised())
	}
	w.reached = max(w.reached, min(ready, w.promised()))
	if w.inPlace && w.crashed() {
		// Where a pod has failed, one more may go: it may be the one.
		w.reached = 0
	}
	if w.promised() < w.replicas && w.pods() > max(places, w.replicas) {
		w.fail("in place, %d pods became %d with %d places", places, w.pods(), w.replicas)
	}
	if n := len(w.sets); n > 0 {
		deployed := 0
		for _, s := range w.sets {
			if s.deployed {
				deployed++
			}
		}
		if deployed > 2 {
			w.fail("%d versions are deployed", deployed)
		}
	}
}

func TestEveryHistoryKeepsItsPromisesAndEndsWhenTheWorldCooperates(t *testing.T) {
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, 7))
		w := &walk{T: t, world: newWorld(1+random.Int32N(4), randomSteps(random)...), random: random}
		w.inPlace = random.IntN(2) == 0
		for _, v := range []string{"v1", "v2", "v3"} {
			w.natures[v] = nature{readyAfter: time.Duration(1+random.IntN(4)) * time.Second}
		}
		w.story = append(w.story, fmt.Sprintf("seed %d", seed))
		for range 150 {
			if random.IntN(8) == 0 {
				w.happen()
			}
			w.second()
		}
		w.cooperate(endings[seed%3])
		if random.IntN(2) == 0 {
			w.steps[0], w.known = rollout.Step{Replay: true}, 40
			if w.silent {
				w.known = 0
			}
		}
		for range 300 {
			w.second()
		}
		w.checkEnd()
	}
}

var silences = []rollout.Silence{rollout.SilenceHold, rollout.SilenceReject, rollout.SilenceReplay}

// endings of a history: the wanted version is good, it is bad, or nobody comes to try it.
var endings = []string{"good", "bad", "silent"}

// cooperate heals the world and has v2 wanted. A bad ending needs a stable version that can serve on, and a candidate that has not
// got everything already.
func (w *walk) cooperate(ending string) {
	w.calm = true
	share := w.control.Candidate
	if w.routed == "" || w.routed == "v2" || w.readyRouted() < w.replicas || (share != nil && share.Weight == 100) {
		ending = "good"
	}
	for v := range w.natures {
		w.natures[v] = nature{readyAfter: 2 * time.Second}
	}
	w.natures["v2"] = nature{readyAfter: 2 * time.Second, bad: ending == "bad"}
	w.deaf = map[string]bool{}
	w.steps = []rollout.Step{{Shadow: 20}, {Weight: 50, Hold: 3 * time.Second}}
	w.silent, w.silence, w.deadline, w.job = ending == "silent", rollout.SilenceReject, 100*time.Second, nil
	if ending == "good" {
		w.deadline = 0
	}
	w.command, w.retry, w.wanted = "", "last", "v2"
	w.spec++
	w.last = "v2"
	if ending != "good" {
		w.last = w.routed
	}
	w.event("the world cooperates, and the ending is %s", ending)
}

func (w *walk) checkEnd() {
	if w.routed != w.last || len(w.sets) != 1 || w.control.Candidate != nil || w.control.Shadow != nil || w.readyRouted() != w.replicas || w.record != nil {
		w.fail("the rollout did not end with %s: routed %s, %d versions, control %s, %d of %d ready",
			w.last, w.routed, len(w.sets), tell(w.control), w.readyRouted(), w.replicas)
	}
}
