package rollout_test

import (
	"time"

	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
)

// judging is a world in which v1 serves, and what comes next is judged in shadow before it gets a share.
func judging(replicas int32) *world {
	return serving(replicas, rollout.Step{Shadow: 20}, rollout.Step{Weight: 50, Hold: 20 * time.Second})
}

var judgedStories = map[string]func() *world{
	"judged good": func() *world {
		w := judging(2)
		w.want("v2", "v2 passed its gates")
		w.run(70 * time.Second)
		return w
	},
	"judged bad": func() *world {
		w := judging(2)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, bad: true}
		w.want("v2", "v2 passed its gates")
		w.run(50 * time.Second)
		return w
	},
	"judged bad with a share": func() *world {
		w := judging(2)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, turnsBad: 25}
		w.want("v2", "v2 passed its gates")
		w.run(60 * time.Second)
		return w
	},
	"judged one crashes": func() *world {
		w := judging(2)
		w.deadline = time.Minute
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, failure: "pod v2-3: golden request 3 of 4 differs by 17 levels"}
		w.want("v2", "v2 passed its gates")
		w.run(80 * time.Second)
		return w
	},
	"judged one crashes in shadow and recovers": func() *world {
		w := judging(1)
		w.want("v2", "v2 passed its gates")
		w.run(12 * time.Second)
		p := w.sets["v2"].pods[0]
		p.State, p.Failure, p.Since, p.born = fleet.PodBroken, "container runtime of pod v2-2 was killed", w.now, w.now.Add(7*time.Second)
		w.event("the pod of v2 runs out of memory, and is restarted ten seconds later")
		w.run(70 * time.Second)
		return w
	},
	"no traffic is held": func() *world {
		w := judging(1)
		w.silent, w.deadline = true, time.Minute
		w.want("v2", "v2 passed its gates, and no shopper comes")
		w.run(90 * time.Second)
		w.silent = false
		w.event("shoppers come")
		w.run(60 * time.Second)
		return w
	},
	"no traffic is rejected": func() *world {
		w := judging(1)
		w.silent, w.silence, w.deadline = true, rollout.SilenceReject, time.Minute
		w.want("v2", "v2 passed its gates, and no shopper comes")
		w.run(80 * time.Second)
		return w
	},
	"traffic stops": func() *world {
		w := judging(1)
		w.silence, w.deadline = rollout.SilenceReject, time.Minute
		w.want("v2", "v2 passed its gates")
		w.run(15 * time.Second)
		w.silent = true
		w.event("no shopper comes any more")
		w.run(80 * time.Second)
		return w
	},
	"gates are edited in shadow": func() *world {
		w := judging(1)
		w.want("v2", "v2 passed its gates")
		w.run(15 * time.Second)
		w.spec++
		w.event("another gate is asked for")
		w.run(70 * time.Second)
		return w
	},
	"gates are edited with a share": func() *world {
		w := judging(1)
		w.want("v2", "v2 passed its gates")
		w.run(30 * time.Second)
		w.spec++
		w.event("another gate is asked for")
		w.run(70 * time.Second)
		return w
	},
	"another runtime during the judgement": func() *world {
		w := judging(1)
		w.want("v2", "v2 passed its gates")
		w.run(15 * time.Second)
		w.spec++
		w.sets["v1"].updating, w.sets["v2"].updating = w.now.Add(10*time.Second), w.now.Add(20*time.Second)
		w.event("the pods are made of another runtime")
		w.run(21 * time.Second)
		w.event("all pods are replaced")
		w.run(60 * time.Second)
		return w
	},
	"judged version is deleted": func() *world {
		w := judging(1)
		w.want("v2", "v2 passed its gates")
		w.run(15 * time.Second)
		w.want("v1", "v2 is deleted")
		w.run(15 * time.Second)
		return w
	},
	"paused and resumed": func() *world {
		w := judging(1)
		w.want("v2", "v2 passed its gates")
		w.run(30 * time.Second)
		w.order(rollout.Pause)
		w.run(20 * time.Second)
		w.want("v3", "v3 passed its gates, and has to wait")
		w.run(20 * time.Second)
		w.want("v2", "v3 is deleted")
		w.order("")
		w.run(50 * time.Second)
		return w
	},
	"paused before it begins": func() *world {
		w := judging(1)
		w.order(rollout.Pause)
		w.want("v2", "v2 passed its gates")
		w.run(10 * time.Second)
		w.order("")
		w.run(60 * time.Second)
		return w
	},
	"aborted": func() *world {
		w := judging(1)
		w.want("v2", "v2 passed its gates")
		w.run(15 * time.Second)
		w.order(rollout.Abort)
		w.run(15 * time.Second)
		w.order("")
		w.run(15 * time.Second)
		return w
	},
	"promoted without a verdict": func() *world {
		w := judging(1)
		w.silent = true
		w.want("v2", "v2 passed its gates, and no shopper comes")
		w.run(20 * time.Second)
		w.order(rollout.Promote)
		w.run(30 * time.Second)
		return w
	},
	"one stable pod cannot be reached in shadow": func() *world {
		w := judging(2)
		w.deaf[w.sets["v1"].pods[1].Name] = true
		w.want("v2", "v2 passed its gates, and a pod of v1 cannot be reached")
		w.run(40 * time.Second)
		w.deaf = map[string]bool{}
		w.event("the pod can be reached again")
		w.run(60 * time.Second)
		return w
	},
	"a node without room": func() *world {
		w := judging(1)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, homeless: true}
		w.want("v2", "v2 passed its gates")
		w.run(20 * time.Second)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second}
		w.event("a node is added")
		w.run(20 * time.Second)
		return w
	},
	"a second candidate while one is judged": func() *world {
		w := judging(1)
		w.want("v2", "v2 passed its gates")
		w.run(15 * time.Second)
		w.want("v3", "v3 passed its gates")
		w.run(90 * time.Second)
		return w
	},
	"rejected and tried again when asked": func() *world {
		w := judging(1)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, bad: true}
		w.want("v2", "v2 passed its gates")
		w.run(50 * time.Second)
		w.replicas = 2
		w.event("kubectl scale --replicas=2")
		w.run(10 * time.Second)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second}
		w.retry = "please"
		w.event("the user asks for another attempt")
		w.run(80 * time.Second)
		return w
	},
	"rejected and replaced by a newer one": func() *world {
		w := judging(1)
		w.natures["v2"] = nature{readyAfter: 3 * time.Second, bad: true}
		w.want("v2", "v2 passed its gates")
		w.run(50 * time.Second)
		w.want("v3", "v3 passed its gates")
		w.run(80 * time.Second)
		return w
	},
	"stable is broken while a candidate is judged": func() *world {
		w := judging(1)
		w.want("v2", "v2 passed its gates")
		w.run(15 * time.Second)
		w.natures["v1"] = nature{failure: "CrashLoopBackOff"}
		w.event("the pods of v1 crash")
		w.run(90 * time.Second)
		return w
	},
}
