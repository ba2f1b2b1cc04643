package tryondeployment

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

// told is the history as "Reason version", newest first.
func told(history []v1alpha1.HistoryEntry) string {
	var all []string
	for _, e := range history {
		all = append(all, e.Reason+" "+e.Version)
	}
	return strings.Join(all, ", ")
}

func planned(stable string) Plan {
	return Plan{Plan: rollout.Plan{Stable: stable, Stage: v1alpha1.ReasonServing}, At: servingpodtest.Noon}
}

func TestTheHistorySaysWhichVersionServedWhenAndWhy(t *testing.T) {
	obj := serve("tops", 0)
	summarize(obj, shifting(), planned("tops-v1"), nil)
	summarize(obj, shifting(), planned("tops-v1"), nil)
	second := planned("tops-v2")
	second.Standing.Judgement = &v1alpha1.JudgementStatus{Candidate: "tops-v2", Rule: "every gate is kept"}
	summarize(obj, shifting(), second, nil)
	obj.Spec.Model.Version = 1
	summarize(obj, shifting(), planned("tops-v1"), nil)
	if got, want := told(obj.Status.History), "Fixed tops-v1, Promoted tops-v2, FirstVersion tops-v1"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if got, want := obj.Status.History[1].Message, "it took over from tops-v1; every gate is kept"; got != want || !obj.Status.History[1].Time.Time.Equal(servingpodtest.Noon) {
		t.Errorf("%+v, want the message %q", obj.Status.History[1], want)
	}
}

func TestAVersionOfTheNameThatHasOtherWeightsWasNotRejected(t *testing.T) {
	obj, plan := serve("tops", 0), planned("tops-v1")
	plan.Rejection = &rollout.Rejection{Version: "tops-v2", Reason: v1alpha1.ReasonRejected, Message: "slow"}
	plan.RejectedWeights = digest
	summarize(obj, shifting(), plan, nil)
	tried := &Observed{Versions: []v1alpha1.TryOnModelVersion{version("tops", 2)}}
	if got := rejectedOf(obj, tried); got["tops-v2"] == "" {
		t.Errorf("the version that was rejected is tried again: %v", got)
	}
	tried.Versions[0].Status.Weights.Digest = v1alpha1.Digest("sha256:" + strings.Repeat("f", 64))
	if got := rejectedOf(obj, tried); len(got) != 0 {
		t.Errorf("a model that was made again has its version refused unseen: %v", got)
	}
	obj.Status.Rejected[0].Weights = ""
	if got := rejectedOf(obj, tried); len(got) != 1 {
		t.Error("what an earlier release rejected is forgotten")
	}
}

func TestARejectionIsRememberedOnceItIsCarriedOut(t *testing.T) {
	obj, plan := serve("tops", 0), planned("tops-v1")
	plan.Rejection = &rollout.Rejection{Version: "tops-v2", Reason: v1alpha1.ReasonRolledBack, Message: strings.Repeat("slow ", 200)}
	summarize(obj, shifting(), plan, errors.New("timeout"))
	if len(obj.Status.Rejected) > 0 {
		t.Errorf("remembered although it was not carried out: %+v", obj.Status.Rejected)
	}
	summarize(obj, shifting(), plan, nil)
	if got, want := told(obj.Status.History), "RolledBack tops-v2, FirstVersion tops-v1"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if len(rejectedOf(obj, &Observed{})) != 1 || len([]rune(rejectedOf(obj, &Observed{})["tops-v2"])) != 512 {
		t.Errorf("rejected: %v", rejectedOf(obj, &Observed{}))
	}
	obj.Spec.Replicas = 7
	if len(rejectedOf(obj, &Observed{})) != 1 {
		t.Error("scaling forgets the rejection")
	}
	obj.Annotations = map[string]string{names.RetryAnnotation: "please"}
	if len(rejectedOf(obj, &Observed{})) != 0 {
		t.Error("a retry does not forget the rejection")
	}
	summarize(obj, shifting(), planned("tops-v2"), nil)
	if len(obj.Status.Rejected) != 0 {
		t.Errorf("the stable version stands as rejected: %+v", obj.Status.Rejected)
	}
}

func TestACommandIsShownAsLongAsItIsThere(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "Pause": v1alpha1.ReasonCommandInForce, "Abort": v1alpha1.ReasonCommandInForce, "Promote": v1alpha1.ReasonCommandInForce,
		"pause": v1alpha1.ReasonUnknownCommand, "Stop": v1alpha1.ReasonUnknownCommand,
	} {
		obj := serve("tops", 0)
		obj.Annotations = map[string]string{names.RolloutAnnotation: "Pause"}
		summarize(obj, shifting(), planned("tops-v1"), nil)
		obj.Annotations[names.RolloutAnnotation] = value
		summarize(obj, shifting(), planned("tops-v1"), nil)
		got := ""
		if c := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionCommanded); c != nil {
			got = c.Reason
		}
		if got != want {
			t.Errorf("%q: reason %q, want %q", value, got, want)
		}
	}
}
