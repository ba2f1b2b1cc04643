package rollout_test

import (
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
)

// Pods of a node that was lost are ready for the better part of a minute, and fail whatever is forwarded to them.
func TestWhatAPodOfALostNodeFailedIsNoReasonToRejectAVersion(t *testing.T) {
	for name, test := range map[string]struct {
		heard bool
		want  string
	}{
		"every pod answers":            {true, v1alpha1.ReasonForwardsFailed},
		"one of the pods is not heard": {false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ready := func(name string, heard bool) fleet.Pod {
				return fleet.Pod{Name: name, State: fleet.PodReady, Reported: heard, Generation: 3}
			}
			facts := rollout.Facts{
				Wanted: "v2", Routed: "v1", LastStable: "v1", Replicas: 2, Steps: []rollout.Step{{Weight: 50, Hold: time.Hour}},
				Control:   rollout.Document{Generation: 3, Candidate: &rollout.Share{Version: "v2", Weight: 50}},
				Endpoints: map[string]int32{"v1": 2}, Buildable: map[string]bool{"v1": true, "v2": true},
				Failing: rollout.Failing{Why: "it failed 9 of 20 requests", Kept: true},
				Sets: fleet.Sets{
					{Version: "v1", Deployed: true, Replicas: 2, Endpoints: 2, Pods: []fleet.Pod{ready("a", true), ready("b", true)}},
					{Version: "v2", Deployed: true, Replicas: 2, Endpoints: 2, Pods: []fleet.Pod{ready("c", true), ready("d", test.heard)}},
				},
			}
			plan, got := rollout.Decide(facts, time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)), ""
			if plan.Rejection != nil {
				got = plan.Rejection.Reason
			}
			if got != test.want {
				t.Errorf("rejected for %q, want %q; %s: %s", got, test.want, plan.Stage, plan.Message)
			}
		})
	}
}
