package rollout_test

import (
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

func TestOnlyAVerdictOnThisJudgementRejectsAndNotInAPause(t *testing.T) {
	for name, tt := range map[string]struct {
		epoch   string
		command rollout.Command
		want    string
	}{
		"of this judgement":            {"now", "", v1alpha1.ReasonRejected},
		"of another judgement":         {"before", "", ""},
		"of this judgement, paused":    {"now", rollout.Pause, ""},
		"of this judgement, wanted so": {"now", rollout.Promote, ""},
	} {
		t.Run(name, func(t *testing.T) {
			plan, got := rollout.Decide(rollout.Facts{
				Wanted: "v2", Routed: "v1", LastStable: "v1", Replicas: 1, Steps: []rollout.Step{{Shadow: 20}, {Weight: 50, Hold: time.Hour}},
				Control: rollout.Document{Generation: 3, Shadow: &rollout.Shadow{Version: "v2", Epoch: "now", Percent: 20}}, Command: tt.command,
				Endpoints: map[string]int32{"v1": 1, "v2": 1}, Buildable: map[string]bool{"v1": true, "v2": true},
				Epoch: "now", Verdict: rollout.Verdict{Epoch: tt.epoch, Outcome: sequential.Reject, Rule: "it is worse"},
				Sets: fleet.Sets{ready("v1", 1), ready("v2", 1)},
			}, time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)), ""
			if plan.Rejection != nil {
				got = plan.Rejection.Reason
			}
			if got != tt.want {
				t.Errorf("rejected for %q, want %q; %s: %s", got, tt.want, plan.Stage, plan.Message)
			}
		})
	}
}
