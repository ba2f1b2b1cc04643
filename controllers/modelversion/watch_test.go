package modelversion

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
)

func says(reason string) []metav1.Condition {
	return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason}}
}

func TestOthersAreWokenByWhatTheyMayWaitForOnly(t *testing.T) {
	tests := map[string]struct {
		change func(v *v1alpha1.TryOnModelVersion)
		want   bool
	}{
		"progress": {func(v *v1alpha1.TryOnModelVersion) {
			v.Status.Progress, v.Status.Stages[0].Message, v.ResourceVersion = "teacher 62%", "trains again", "7"
			v.Status.Conditions = says(v1alpha1.ReasonTraining)
		}, false},
		"a stage runs":                {func(v *v1alpha1.TryOnModelVersion) { v.Status.Stages[0].State = v1alpha1.StageRunning }, true},
		"a stage lets go of its key":  {func(v *v1alpha1.TryOnModelVersion) { v.Status.Stages[0].Key = "" }, true},
		"it is evaluated":             {func(v *v1alpha1.TryOnModelVersion) { v.Status.Evaluation = &v1alpha1.EvaluationStatus{} }, true},
		"its weights are published":   {func(v *v1alpha1.TryOnModelVersion) { v.Status.Weights = &v1alpha1.WeightsStatus{} }, true},
		"its pods do not start":       {func(v *v1alpha1.TryOnModelVersion) { v.Status.Conditions = says(v1alpha1.ReasonUnschedulable) }, true},
		"it is held and then deleted": {func(v *v1alpha1.TryOnModelVersion) { v.DeletionTimestamp = ptr.To(metav1.Now()) }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := newWorld(t).version(1, nil)
			before.Status.Stages = []v1alpha1.StageStatus{{Name: "teacher", State: v1alpha1.StagePending, Key: digest("key")}}
			after := before.DeepCopy()
			test.change(after)
			if got := news(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != test.want {
				t.Errorf("others are woken: %t, want %t", got, test.want)
			}
		})
	}
}

// crowd is a reconciler that sees versions of one model; their reasons stand in the order of their numbers.
func crowd(t *testing.T, reasons ...string) (*Reconciler, []*v1alpha1.TryOnModelVersion) {
	t.Helper()
	w, built := newWorld(t), fake.NewClientBuilder().WithScheme(apitest.Scheme(t))
	for i, reason := range reasons {
		v := w.version(int64(i)+1, func(v *v1alpha1.TryOnModelVersion) {
			v.Status.Conditions = says(reason)
			if reason == v1alpha1.ReasonReady {
				v.Status.Weights = &v1alpha1.WeightsStatus{}
			}
		})
		v.UID = types.UID(v.Name)
		built.WithObjects(v.DeepCopy())
	}
	return &Reconciler{Client: built.Build()}, w.versions
}

func namesOf(requests []reconcile.Request) []string {
	var names []string
	for _, r := range requests {
		names = append(names, r.Name)
	}
	return names
}

func TestWhatIsOverIsNotWoken(t *testing.T) {
	r, all := crowd(t, v1alpha1.ReasonGateFailed, v1alpha1.ReasonTrainingFailed, v1alpha1.ReasonSuperseded, v1alpha1.ReasonReady,
		v1alpha1.ReasonEvaluationErrored, v1alpha1.ReasonPublishFailed, v1alpha1.ReasonTraining, v1alpha1.ReasonTraining)
	want := []string{"tops-v5", "tops-v6", "tops-v7"}
	if diff := cmp.Diff(want, namesOf(r.unfinishedSiblings(t.Context(), all[7]))); diff != "" {
		t.Errorf("woken by tops-v8 (-want +got):\n%s", diff)
	}
}

func TestTheEndOfAVersionWakesTheOneBeforeIt(t *testing.T) {
	r, all := crowd(t, v1alpha1.ReasonSuperseded, v1alpha1.ReasonSuperseded, v1alpha1.ReasonTraining)
	if err := r.Client.Delete(t.Context(), all[2].DeepCopy()); err != nil {
		t.Fatal(err)
	}
	if !deletions.Delete(event.DeleteEvent{Object: all[2]}) || deletions.Update(event.UpdateEvent{ObjectOld: all[2], ObjectNew: all[2]}) {
		t.Error("a version is not told of a deletion, or of something else")
	}
	if diff := cmp.Diff([]string{"tops-v2"}, namesOf(r.predecessor(t.Context(), all[2]))); diff != "" {
		t.Errorf("woken by the end of tops-v3 (-want +got):\n%s", diff)
	}
	stranger := all[2].DeepCopy()
	stranger.OwnerReferences[0].UID = "earlier"
	if got := r.predecessor(t.Context(), stranger); len(got) != 0 {
		t.Errorf("woken by the end of an earlier model's version: %v", got)
	}
}

func TestAVersionThatGoesOnLooksOnceMoreAtWhatItWasNotToldOf(t *testing.T) {
	at := func(reason string) client.Object {
		return &v1alpha1.TryOnModelVersion{Status: v1alpha1.TryOnModelVersionStatus{Conditions: says(reason)}}
	}
	for _, test := range []struct {
		before, after string
		want          bool
	}{
		{v1alpha1.ReasonSuperseded, v1alpha1.ReasonTraining, true},
		{v1alpha1.ReasonTrainingFailed, v1alpha1.ReasonTraining, true},
		{v1alpha1.ReasonTraining, v1alpha1.ReasonSuperseded, false},
		{v1alpha1.ReasonTraining, v1alpha1.ReasonEvaluating, false},
		{v1alpha1.ReasonSuperseded, v1alpha1.ReasonSuperseded, false},
	} {
		if got := revived(event.UpdateEvent{ObjectOld: at(test.before), ObjectNew: at(test.after)}); got != test.want {
			t.Errorf("from %s to %s: looks again: %t, want %t", test.before, test.after, got, test.want)
		}
	}
}
