package capacity_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/scale"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

func TestTheStatusIsToldAnewOnlyWithAnotherNumberOrReason(t *testing.T) {
	noon := servingpodtest.Noon
	plan := capacity.Plan{Scaled: true, Replicas: 2, Reason: v1alpha1.ReasonScalingSteady, Message: "first", Requested: 1}
	first := plan.StatusAfter(nil, noon)
	want := v1alpha1.ScalingStatus{Desired: 2, Reason: "Steady", Message: "first", Requested: 1, LastChangeTime: &metav1.Time{Time: noon}}
	if diff := cmp.Diff(&want, first); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	plan.Message = "second"
	if diff := cmp.Diff(first, plan.StatusAfter(first, noon.Add(time.Minute))); diff != "" {
		t.Errorf("with other figures (-want +got):\n%s", diff)
	}
	watching := plan
	watching.Reason = v1alpha1.ReasonScalingWatching
	if diff := cmp.Diff(first, watching.StatusAfter(first, noon.Add(time.Minute))); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	plan.Reason, plan.Requested = v1alpha1.ReasonScalingDelayed, 3
	want.Reason, want.Message, want.Requested = plan.Reason, "second", 3
	if diff := cmp.Diff(&want, plan.StatusAfter(first, noon.Add(time.Minute))); diff != "" {
		t.Errorf("with another reason (-want +got):\n%s", diff)
	}
	plan.Replicas = 3
	if got := plan.StatusAfter(first, noon.Add(time.Minute)); got.Desired != 3 || !got.LastChangeTime.Time.Equal(noon.Add(time.Minute)) {
		t.Errorf("with another number: %+v", got)
	}
}

func TestAConditionSaysWhatHoldsScalingBack(t *testing.T) {
	for reason, want := range map[string]metav1.ConditionStatus{
		v1alpha1.ReasonScalingAtMaximum: metav1.ConditionTrue, v1alpha1.ReasonScalingReadingsMissing: metav1.ConditionTrue,
		v1alpha1.ReasonScalingNoPodReady: metav1.ConditionUnknown, v1alpha1.ReasonScalingSteady: metav1.ConditionFalse, v1alpha1.ReasonScalingBurst: metav1.ConditionFalse,
	} {
		state, got, message := capacity.Limited(&v1alpha1.ScalingStatus{Reason: reason, Message: "figures"})
		if state != want || message == "" || (want == metav1.ConditionFalse) != (got == v1alpha1.ReasonScalingFree) {
			t.Errorf("%s: %s %s %q, want %s", reason, state, got, message, want)
		}
	}
}

func TestTheReasonsOfTheDecisionAreThoseOfTheAPI(t *testing.T) {
	for api, reason := range map[string]scale.Reason{
		v1alpha1.ReasonScalingSteady: scale.ReasonSteady, v1alpha1.ReasonScalingLoadRose: scale.ReasonLoadRose, v1alpha1.ReasonScalingBurst: scale.ReasonBurst,
		v1alpha1.ReasonScalingAtMaximum: scale.ReasonAtMaximum, v1alpha1.ReasonScalingDelayed: scale.ReasonDelayed, v1alpha1.ReasonScalingLoadFell: scale.ReasonLoadFell,
		v1alpha1.ReasonScalingReadingsMissing: scale.ReasonReadingsMissing, v1alpha1.ReasonScalingNoPodReady: scale.ReasonNoPodReady,
		v1alpha1.ReasonScalingWatching: scale.ReasonWatching, v1alpha1.ReasonScalingBounds: scale.ReasonBounds,
	} {
		if api != string(reason) {
			t.Errorf("%s is called %s", reason, api)
		}
	}
}
