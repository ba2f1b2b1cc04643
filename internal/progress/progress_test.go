package progress_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/progress"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

func TestTheWeightIsForPeople(t *testing.T) {
	for want, plan := range map[string]rollout.Plan{
		"":           {Stable: "tops-v1"},
		"0%":         {Stable: "tops-v1", Candidate: "tops-v2"},
		"shadow 20%": {Stable: "tops-v1", Candidate: "tops-v2", Shadow: 20},
		"replay":     {Stable: "tops-v1", Candidate: "tops-v2", Replay: true},
		"10%":        {Stable: "tops-v1", Candidate: "tops-v2", Shadow: 20, Weight: 10},
	} {
		if got := progress.Weight(plan); got != want {
			t.Errorf("weight %q, want %q", got, want)
		}
	}
}

func TestTheRecordOfARolloutSurvivesTheStatus(t *testing.T) {
	for name, record := range map[string]rollout.Record{
		"before the first step": {Version: "tops-v2", Step: -1},
		"not applied yet":       {Version: "tops-v2", Step: 1, Generation: 7},
		"applied":               {Version: "tops-v2", Step: 2, Generation: 9, Applied: servingpodtest.Noon, Started: servingpodtest.Noon},
	} {
		t.Run(name, func(t *testing.T) {
			got := progress.Record(progress.Candidate(rollout.Plan{Candidate: "tops-v2", Record: &record}))
			if diff := cmp.Diff(&record, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
