package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// ready is a version of one pod, of which its Service knows endpoints.
func ready(version string, endpoints int32) fleet.Set {
	return fleet.Set{
		Version: version, Deployed: true, Replicas: 1, Endpoints: endpoints,
		Pods: []fleet.Pod{{Name: version, State: fleet.PodReady, Reported: true, Generation: 3}},
	}
}

func TestACandidateWhoseServiceDoesNotKnowItsPodsYetGetsNoShare(t *testing.T) {
	for name, tt := range map[string]struct {
		endpoints int32
		want      bool
	}{"not yet": {0, false}, "it does": {1, true}} {
		t.Run(name, func(t *testing.T) {
			plan := rollout.Decide(rollout.Facts{
				Wanted: "v2", Routed: "v1", LastStable: "v1", Replicas: 1, Steps: []rollout.Step{{Weight: 50, Hold: time.Hour}},
				Control: rollout.Document{Generation: 3}, Endpoints: map[string]int32{"v1": 1}, Buildable: map[string]bool{"v1": true, "v2": true},
				Sets: fleet.Sets{ready("v1", 1), ready("v2", tt.endpoints)},
			}, time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
			shared := false
			for _, intent := range plan.Intents {
				shared = shared || intent.Document.Candidate != nil
			}
			if shared != tt.want {
				t.Errorf("a share is given: %v, want %v; %s: %s", shared, tt.want, plan.Stage, plan.Message)
			}
		})
	}
}

func TestTheRuleOfAnotherJudgementIsNotTold(t *testing.T) {
	plan := rollout.Decide(rollout.Facts{
		Wanted: "v2", Routed: "v1", LastStable: "v1", Replicas: 1, Steps: []rollout.Step{{Shadow: 20}, {Weight: 50, Hold: time.Hour}},
		Control:   rollout.Document{Generation: 3, Shadow: &rollout.Shadow{Version: "v2", Epoch: "now", Percent: 20}},
		Endpoints: map[string]int32{"v1": 1, "v2": 1}, Buildable: map[string]bool{"v1": true, "v2": true},
		Epoch: "now", Verdict: rollout.Verdict{Epoch: "before", Outcome: sequential.KeepCollecting, Rule: "40 of 132 pairs"},
		Sets: fleet.Sets{ready("v1", 1), ready("v2", 1)},
	}, time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
	if !strings.Contains(plan.Message, "no evidence yet") {
		t.Errorf("%s: %s", plan.Stage, plan.Message)
	}
}
