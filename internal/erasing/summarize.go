package erasing

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/status"
)

// Summarize writes into the status where captured requests may lie and how they stand. Of an object that is being deleted, and of one that
// could not be read or written, Ready says it too: nothing else is done about it in this pass.
func Summarize(tod *v1alpha1.TryOnDeployment, p Plan) {
	tod.Status.Capture = p.Place
	switch {
	case p.Reason == v1alpha1.ReasonCapturing && !p.Heard:
		// Nobody could be asked: what was said before stays.
	case p.Reason != "":
		state := metav1.ConditionFalse
		if p.Reason == v1alpha1.ReasonCapturing {
			state = metav1.ConditionTrue
		}
		status.Set(tod, v1alpha1.ConditionCapturing, state, p.Reason, p.Message)
	case p.Err == nil:
		meta.RemoveStatusCondition(&tod.Status.Conditions, v1alpha1.ConditionCapturing)
	}
	switch {
	case p.Err != nil:
		status.Set(tod, v1alpha1.ConditionReady, metav1.ConditionUnknown, status.ReasonOf(p.Err), p.Err.Error())
	case !tod.DeletionTimestamp.IsZero() && p.Reason != "":
		status.Set(tod, v1alpha1.ConditionReady, metav1.ConditionFalse, p.Reason, p.Message)
	}
}
