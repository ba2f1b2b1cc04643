package status

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

func TestOneEventIsRecordedForAReasonHoweverManyConditionsHaveIt(t *testing.T) {
	recorder := events.NewFakeRecorder(8)
	model := &v1alpha1.TryOnModel{}
	Set(model, v1alpha1.ConditionDatasetPinned, metav1.ConditionFalse, v1alpha1.ReasonPinning, "computing")
	w := Begin(nil, recorder, model)
	Set(model, v1alpha1.ConditionDatasetPinned, metav1.ConditionTrue, v1alpha1.ReasonPinned, "sha256:d")
	Set(model, v1alpha1.ConditionDataTestsPassed, metav1.ConditionFalse, v1alpha1.ReasonDataTestsFailed, "leak")
	Set(model, v1alpha1.ConditionVersionReady, metav1.ConditionUnknown, v1alpha1.ReasonPending, "not yet")
	Set(model, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDataTestsFailed, "leak")
	w.record()
	close(recorder.Events)
	var got []string
	for e := range recorder.Events {
		got = append(got, e)
	}
	want := []string{"Normal Pinned DatasetPinned: sha256:d", "Warning DataTestsFailed DataTestsPassed: leak"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAComparisonOrAReportThatCouldNotBeMadeIsAWarning(t *testing.T) {
	for reason, want := range map[string]bool{
		v1alpha1.ReasonReplayFailed: true, v1alpha1.ReasonReportFailed: true, v1alpha1.ReasonReplaying: false, v1alpha1.ReasonReporting: false,
	} {
		if got := Bad(reason); got != want {
			t.Errorf("%s asks a person to do something: %t, want %t", reason, got, want)
		}
	}
}
