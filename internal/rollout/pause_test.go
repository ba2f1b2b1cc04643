package rollout_test

import (
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
)

func TestAPauseStartsNoReplayThatNoStepAsksFor(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		step  rollout.Step
		state rollout.ReplayState
		want  bool
	}{
		"one that cannot be, without such a step": {rollout.Step{Weight: 10}, rollout.ReplayFailed, false},
		"one that failed, in such a step":         {rollout.Step{Replay: true}, rollout.ReplayFailed, true},
		"one on its way":                          {rollout.Step{Shadow: 20}, rollout.ReplayRunning, true},
		"one that is over":                        {rollout.Step{Replay: true}, rollout.ReplayDone, false},
	} {
		t.Run(name, func(t *testing.T) {
			stable := fleet.Set{Version: "v1", Deployed: true, Pods: []fleet.Pod{{Name: "one", State: fleet.PodReady, Reported: true, Generation: 1}}}
			plan := rollout.Decide(rollout.Facts{
				Wanted: "v2", Routed: "v1", Replicas: 1, Control: rollout.Document{Generation: 1}, Buildable: map[string]bool{"v1": true, "v2": true},
				Steps: []rollout.Step{tt.step, {Weight: 100}}, Command: rollout.Pause, Replay: rollout.Replay{State: tt.state}, Sets: []fleet.Set{stable},
			}, noon)
			if plan.Replay != tt.want {
				t.Errorf("a replay is planned: %v, want %v; %s: %s", plan.Replay, tt.want, plan.Stage, plan.Message)
			}
		})
	}
}
