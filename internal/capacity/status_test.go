package capacity_test

import (
	"strings"
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
		tod := &v1alpha1.TryOnDeployment{Status: v1alpha1.TryOnDeploymentStatus{Scaling: &v1alpha1.ScalingStatus{Reason: reason, Message: "figures"}}}
		state, got, message := capacity.Limited(tod)
		if state != want || message == "" || (want == metav1.ConditionFalse) != (got == v1alpha1.ReasonScalingFree) {
			t.Errorf("%s: %s %s %q, want %s", reason, state, got, message, want)
		}
	}
}

func TestARequestBeyondTheMaximumIsSaidAndToldOnce(t *testing.T) {
	w := newWorld().says(0.1).pass(6 * time.Minute)
	const want = "spec.replicas asks for 9 pods, and scaling.maxReplicas allows no more than 8: raise scaling.maxReplicas to have more"
	for _, step := range []struct {
		replicas  int32
		told, cut bool
	}{{8, false, false}, {9, true, true}, {9, false, true}, {2, false, false}, {9, true, true}} {
		w.tod.Spec.Replicas = step.replicas
		before := w.tod.Status.Scaling
		w.pass(2 * time.Second)
		_, _, message := capacity.Limited(w.tod)
		if told := capacity.NewlyCut(w.tod, before); (told == want) != step.told || (told != "") != step.told || strings.HasSuffix(message, "; "+want) != step.cut {
			t.Errorf("spec.replicas of %d: told %q, condition %q; want told %v, cut %v", step.replicas, told, message, step.told, step.cut)
		}
	}
	if w.present != 8 {
		t.Errorf("%d pods, want all that are allowed", w.present)
	}
	w.tod.Spec.Scaling = v1alpha1.ScalingSpec{}
	if cut := capacity.Cut(w.tod); cut != "" {
		t.Errorf("without scaling: %s", cut)
	}
}

func TestTheReasonsOfTheDecisionAreThoseOfTheAPI(t *testing.T) {
	for api, reason := range map[string]scale.Reason{
		v1alpha1.ReasonScalingSteady: scale.ReasonSteady, v1alpha1.ReasonScalingLoadRose: scale.ReasonLoadRose, v1alpha1.ReasonScalingBurst: scale.ReasonBurst,
		v1alpha1.ReasonScalingAtMaximum: scale.ReasonAtMaximum, v1alpha1.ReasonScalingDelayed: scale.ReasonDelayed, v1alpha1.ReasonScalingLoadFell: scale.ReasonLoadFell,
		v1alpha1.ReasonScalingReadingsMissing: scale.ReasonReadingsMissing, v1alpha1.ReasonScalingNoPodReady: scale.ReasonNoPodReady,
		v1alpha1.ReasonScalingWatching: scale.ReasonWatching, v1alpha1.ReasonScalingBounds: scale.ReasonBounds,
		v1alpha1.ReasonScalingRequested: scale.ReasonRequested,
	} {
		if api != string(reason) {
			t.Errorf("%s is called %s", reason, api)
		}
	}
}
