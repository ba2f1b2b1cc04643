package rollout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
)

func TestAVersionWhosePodsFollowTheLoadServesWithTheLeastOfThem(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	starting := fleet.Pod{State: fleet.PodStarting}
	for name, tt := range map[string]struct {
		least int32
		ready int
		third fleet.Pod
		stage string
		says  string
	}{
		"all are ready":                         {1, 3, starting, v1alpha1.ReasonServing, "v1 is served by 3 pods"},
		"one more is starting":                  {1, 2, starting, v1alpha1.ReasonServing, "v1 is served by 2 pods, 3 are wanted"},
		"one more is starting, of a fixed size": {0, 2, starting, v1alpha1.ReasonScaling, "2 of 3 pods of v1 are ready"},
		"one more is starting below the least":  {3, 2, starting, v1alpha1.ReasonScaling, "2 of 3 pods of v1 are ready"},
		"one more finds no node":                {1, 2, fleet.Pod{State: fleet.PodStarting, Homeless: true, Failure: "no node"}, v1alpha1.ReasonScaling, "2 of 3 pods of v1 are ready: no node"},
		"one is broken":                         {1, 2, fleet.Pod{State: fleet.PodBroken, Failure: "it crashed"}, v1alpha1.ReasonScaling, "2 of 3 pods of v1 are ready: it crashed"},
	} {
		t.Run(name, func(t *testing.T) {
			set := fleet.Set{Version: "v1", Deployed: true, Pods: []fleet.Pod{tt.third}}
			for i := range tt.ready {
				set.Pods = append(set.Pods, fleet.Pod{Name: fmt.Sprint(i), State: fleet.PodReady, Reported: true, Generation: 1})
			}
			plan := rollout.Decide(rollout.Facts{
				Wanted: "v1", Routed: "v1", Replicas: 3, Least: tt.least, Control: rollout.Document{Generation: 1}, Buildable: map[string]bool{"v1": true},
				Sets: []fleet.Set{set},
			}, noon)
			if plan.Stage != tt.stage || plan.Message != tt.says {
				t.Errorf("%s: %s; want %s: %s", plan.Stage, plan.Message, tt.stage, tt.says)
			}
		})
	}
}

func TestWhatReplacesAPodTakesNothingFromTheCapacityThatIsThere(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ready, starting := fleet.Pod{State: fleet.PodReady}, fleet.Pod{State: fleet.PodStarting}
	stuck, broken := fleet.Pod{State: fleet.PodStarting, Failure: "no Secret"}, fleet.Pod{State: fleet.PodBroken, Failure: "it crashed"}
	for name, tt := range map[string]struct {
		pods   []fleet.Pod
		wanted string
		want   bool
	}{
		"all are ready":                      {[]fleet.Pod{ready, ready}, "v1", true},
		"one more starts":                    {[]fleet.Pod{ready, ready, starting}, "v1", true},
		"one more cannot start":              {[]fleet.Pod{ready, ready, stuck}, "v1", true},
		"one more crashes":                   {[]fleet.Pod{ready, ready, broken}, "v1", true},
		"one is missing and another crashes": {[]fleet.Pod{ready, broken}, "v1", false},
		"one is missing":                     {[]fleet.Pod{ready, starting}, "v1", false},
		"none is there":                      {nil, "v1", false},
		"another version takes over":         {[]fleet.Pod{ready, ready}, "v2", false},
	} {
		t.Run(name, func(t *testing.T) {
			plan := rollout.Decide(rollout.Facts{
				Wanted: tt.wanted, Routed: "v1", Replicas: 2, Control: rollout.Document{Generation: 1}, Buildable: map[string]bool{"v1": true, "v2": true},
				Sets: []fleet.Set{{Version: "v1", Deployed: true, Updating: true, Pods: tt.pods}},
			}, noon)
			if plan.Carried != tt.want {
				t.Errorf("%s: %s; carried: %t, want %t", plan.Stage, plan.Message, plan.Carried, tt.want)
			}
		})
	}
}
