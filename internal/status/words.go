package status

import (
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Words are a condition's reason and message.
type Words struct {
	Reason, Message string
}

// SetPhase sets the condition of one of the phases that an object goes through: True with done once the object is past it, False with
// now while it is in it, and Unknown before. past is negative, 0 or positive as the object is before, in or past the phase.
func SetPhase(obj Object, condition string, past int, done, now Words) {
	switch {
	case past > 0:
		Set(obj, condition, metav1.ConditionTrue, done.Reason, done.Message)
	case past == 0:
		Set(obj, condition, metav1.ConditionFalse, now.Reason, now.Message)
	default:
		Set(obj, condition, metav1.ConditionUnknown, v1alpha1.ReasonPending, "What comes before it is not done")
	}
}

// SetReady sets Ready: True for the reason of that name, else False.
func SetReady(obj Object, now Words) {
	state := metav1.ConditionFalse
	if now.Reason == v1alpha1.ReasonReady {
		state = metav1.ConditionTrue
	}
	Set(obj, v1alpha1.ConditionReady, state, now.Reason, now.Message)
}

// SetUnknown says that the cluster could not be read.
func SetUnknown(obj Object, err error) {
	Set(obj, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonReconcileError, err.Error())
}

// ReasonOf names what kept a decision from being carried out.
func ReasonOf(err error) string {
	switch {
	case errors.Is(err, apply.ErrNotOwned):
		return v1alpha1.ReasonNotOwned
	case errors.Is(err, resources.ErrStore):
		return v1alpha1.ReasonStoreUnavailable
	case errors.Is(err, resources.ErrTooSmall):
		return v1alpha1.ReasonResourcesTooSmall
	}
	return v1alpha1.ReasonReconcileError
}
