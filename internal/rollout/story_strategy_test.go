package rollout_test

import (
	"time"

	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
)

// crowded is a world in which v1 serves on every place that there is, so that versions change in place.
func crowded(replicas int32, steps ...rollout.Step) *world {
	w := serving(replicas, steps...)
	w.inPlace, w.places = true, int(replicas)
	return w
}

var inPlaceStories = map[string]func() *world{
	"in place with three pods": func() *world {
		w := crowded(3)
		w.want("v2", "v2 passed its gates")
		w.run(50 * time.Second)
		return w
	},
	"in place by steps": func() *world {
		w := crowded(4, rollout.Step{Weight: 10, Hold: 5 * time.Second}, rollout.Step{Weight: 60, Hold: 5 * time.Second})
		w.want("v2", "v2 passed its gates")
		w.run(80 * time.Second)
		return w
	},
	"in place judged good": func() *world {
		w := judging(2)
		w.inPlace = true
		w.want("v2", "v2 passed its gates")
		w.run(80 * time.Second)
		return w
	},
	"in place judged bad with a share": func() *world {
		w := crowded(3, rollout.Step{Shadow: 20}, rollout.Step{Weight: 60, Hold: 30 * time.Second})
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, turnsBad: 38}
		w.want("v2", "v2 passed its gates")
		w.run(100 * time.Second)
		return w
	},
	"in place one crashes with a share": func() *world {
		w := crowded(3, rollout.Step{Weight: 60, Hold: 20 * time.Second})
		w.want("v2", "v2 passed its gates")
		w.run(25 * time.Second)
		p := w.sets["v2"].pods[0]
		p.State, p.Failure, p.Since, p.born = fleet.PodBroken, "container runtime of pod v2-4 was killed", w.now, w.now.Add(7*time.Second)
		w.event("a pod of v2 runs out of memory, and is restarted ten seconds later")
		w.run(80 * time.Second)
		return w
	},
	"in place one fails on the live path": func() *world {
		w := crowded(3, rollout.Step{Weight: 60, Hold: time.Minute})
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, fails: true}
		w.want("v2", "v2 passed its gates, and fails whatever is forwarded to it")
		w.run(80 * time.Second)
		return w
	},
	"in place another version in the middle": func() *world {
		w := crowded(3, rollout.Step{Weight: 60, Hold: 20 * time.Second})
		w.want("v2", "v2 passed its gates")
		w.run(25 * time.Second)
		w.want("v3", "v3 passed its gates")
		w.run(90 * time.Second)
		return w
	},
	"in place scaled up in the middle": func() *world {
		w := crowded(2, rollout.Step{Weight: 50, Hold: 20 * time.Second})
		w.want("v2", "v2 passed its gates")
		w.run(15 * time.Second)
		w.replicas, w.places = 4, 4
		w.event("a node is added, and kubectl scale --replicas=4")
		w.run(80 * time.Second)
		return w
	},
	"in place paused and aborted": func() *world {
		w := crowded(3, rollout.Step{Weight: 60, Hold: 20 * time.Second})
		w.want("v2", "v2 passed its gates")
		w.run(25 * time.Second)
		w.order(rollout.Pause)
		w.run(20 * time.Second)
		w.order(rollout.Abort)
		w.run(40 * time.Second)
		return w
	},
	"a node without room for two pods more": func() *world {
		w := serving(2)
		w.places = 2
		w.want("v2", "v2 passed its gates")
		w.run(20 * time.Second)
		w.inPlace = true
		w.event("the strategy is InPlace now")
		w.run(50 * time.Second)
		return w
	},
	"in place a larger pod does not fit": func() *world {
		w := crowded(2)
		w.deadline = time.Minute
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, homeless: true}
		w.want("v2", "v2 passed its gates, and asks for more memory")
		w.run(90 * time.Second)
		return w
	},
}

// refused is why the evidence of a replay is not taken.
const refused = "its evidence was refused (WrongEpoch): it answers another question"

var replayStories = map[string]func() *world{
	"replayed good": func() *world {
		w := replaying(2)
		w.want("v2", "v2 passed its gates")
		w.run(60 * time.Second)
		return w
	},
	"replayed bad": func() *world {
		w := replaying(2)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, bad: true}
		w.want("v2", "v2 passed its gates")
		w.run(30 * time.Second)
		return w
	},
	"replayed in place": func() *world {
		w := replaying(2)
		w.inPlace = true
		w.want("v2", "v2 passed its gates")
		w.run(60 * time.Second)
		return w
	},
	"too few requests to replay are held": func() *world {
		w := replaying(1)
		w.known = 8
		w.want("v2", "v2 passed its gates")
		w.run(30 * time.Second)
		w.order(rollout.Promote)
		w.run(30 * time.Second)
		return w
	},
	"too few requests to replay are rejected": func() *world {
		w := replaying(1)
		w.known, w.silence = 8, rollout.SilenceReject
		w.want("v2", "v2 passed its gates")
		w.run(30 * time.Second)
		return w
	},
	"a replay fails": func() *world {
		w := replaying(1)
		w.deadline = time.Minute
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, unasked: "the dataset of v1 is gone"}
		w.want("v2", "v2 passed its gates")
		w.run(80 * time.Second)
		return w
	},
	"a replay is refused": func() *world {
		w := replaying(1)
		w.deadline = time.Minute
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, unheard: refused}
		w.want("v2", "v2 passed its gates")
		w.run(10 * time.Second)
		w.order(rollout.Pause)
		w.run(5 * time.Second)
		w.order("")
		w.run(70 * time.Second)
		return w
	},
	"a replay is refused and silence rejects": func() *world {
		w := replaying(1)
		w.silence = rollout.SilenceReject
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, unheard: refused}
		w.want("v2", "v2 passed its gates")
		w.run(20 * time.Second)
		return w
	},
	"no traffic and a replay is refused": func() *world {
		w := judging(1)
		w.silent, w.silence, w.deadline = true, rollout.SilenceReplay, time.Minute
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, unheard: refused}
		w.want("v2", "v2 passed its gates, and no shopper comes")
		w.run(80 * time.Second)
		w.silent = false
		w.event("shoppers come")
		w.run(40 * time.Second)
		return w
	},
	"gates are edited during a replay": func() *world {
		w := replaying(1)
		w.want("v2", "v2 passed its gates")
		w.run(3 * time.Second)
		w.spec++
		w.event("another gate is asked for")
		w.run(50 * time.Second)
		return w
	},
	"gates are edited after a replay": func() *world {
		w := replaying(1)
		w.want("v2", "v2 passed its gates")
		w.run(15 * time.Second)
		w.spec++
		w.event("another gate is asked for")
		w.run(50 * time.Second)
		return w
	},
	"paused during a replay": func() *world {
		w := replaying(1)
		w.want("v2", "v2 passed its gates")
		w.run(3 * time.Second)
		w.order(rollout.Pause)
		w.run(20 * time.Second)
		w.order("")
		w.run(50 * time.Second)
		return w
	},
	"a second candidate during a replay": func() *world {
		w := replaying(1)
		w.want("v2", "v2 passed its gates")
		w.run(3 * time.Second)
		w.want("v3", "v3 passed its gates")
		w.run(50 * time.Second)
		return w
	},
	"stable is broken during a replay": func() *world {
		w := replaying(1)
		w.known = 8
		w.want("v2", "v2 passed its gates")
		w.run(3 * time.Second)
		w.natures["v1"] = nature{failure: "CrashLoopBackOff"}
		w.event("the pods of v1 crash")
		w.run(90 * time.Second)
		return w
	},
	"no traffic and a replay decides": func() *world {
		w := judging(1)
		w.silent, w.silence, w.deadline = true, rollout.SilenceReplay, time.Minute
		w.want("v2", "v2 passed its gates, and no shopper comes")
		w.run(120 * time.Second)
		return w
	},
	"no traffic and a replay cannot decide": func() *world {
		w := judging(1)
		w.silent, w.silence, w.deadline, w.known = true, rollout.SilenceReplay, time.Minute, 8
		w.want("v2", "v2 passed its gates, and no shopper comes")
		w.run(90 * time.Second)
		return w
	},
	"two replicas disagree": func() *world {
		w := judging(2)
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		w.sets["v1"].pods[1].Generation = 9
		w.event("a pod of v1 applies document 9, from before the ConfigMap was restored")
		w.run(60 * time.Second)
		return w
	},
}

// replaying is a world in which v1 serves, and what comes next is replayed before it gets pods.
func replaying(replicas int32) *world {
	return serving(replicas, rollout.Step{Replay: true}, rollout.Step{Weight: 50, Hold: 10 * time.Second})
}
