package status

import (
	"errors"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/resources"
)

func TestAPhaseIsUnknownBeforeFalseInAndTrueBehindIt(t *testing.T) {
	done, now := Words{"Trained", "2 stages"}, Words{"Training", "Stage 1"}
	for past, want := range map[int]metav1.Condition{
		-1: {Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonPending},
		0:  {Status: metav1.ConditionFalse, Reason: "Training"},
		1:  {Status: metav1.ConditionTrue, Reason: "Trained"},
	} {
		obj := &v1alpha1.TryOnModel{}
		SetPhase(obj, "TrainingCompleted", past, done, now)
		got := meta.FindStatusCondition(obj.Status.Conditions, "TrainingCompleted")
		if got == nil || got.Status != want.Status || got.Reason != want.Reason {
			t.Errorf("%d: %+v, want %s %s", past, got, want.Status, want.Reason)
		}
	}
}

func TestReadyIsTrueForItsOwnReasonOnly(t *testing.T) {
	for reason, want := range map[string]metav1.ConditionStatus{v1alpha1.ReasonReady: metav1.ConditionTrue, v1alpha1.ReasonTraining: metav1.ConditionFalse} {
		obj := &v1alpha1.TryOnModel{}
		SetReady(obj, Words{Reason: reason})
		if got := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady); got == nil || got.Status != want {
			t.Errorf("%s: %+v, want %s", reason, got, want)
		}
	}
}

func TestAnErrorsKindIsItsReason(t *testing.T) {
	for want, err := range map[string]error{
		v1alpha1.ReasonNotOwned:          fmt.Errorf("applying: %w", apply.ErrNotOwned),
		v1alpha1.ReasonStoreUnavailable:  fmt.Errorf("making: %w", resources.ErrStore),
		v1alpha1.ReasonResourcesTooSmall: fmt.Errorf("making: %w", resources.ErrTooSmall),
		v1alpha1.ReasonReconcileError:    errors.New("connection refused"),
	} {
		if got := ReasonOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
