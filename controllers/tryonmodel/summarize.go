package tryonmodel

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/status"
)

// summarize writes what was decided into the status, in memory only. err is what kept the decision from being carried out.
func summarize(model *v1alpha1.TryOnModel, plan Plan, versions []v1alpha1.TryOnModelVersion, err error) {
	s := &model.Status
	s.Pin, s.Dataset, s.Progress = plan.Pin, plan.DatasetName, ""
	if plan.Current != nil {
		s.LatestVersion, s.Progress = plan.Current.Name, plan.Current.Status.Progress
	}
	if plan.Version != nil && err == nil {
		s.LatestVersion = plan.Version.Name
	}
	s.ReadyVersion, s.Score = "", ""
	if ready := newestReady(versions); ready != nil {
		s.ReadyVersion, s.Score = ready.Name, ready.Status.Score
	}
	decided := plan.Message
	if err != nil {
		plan.Reason, plan.Message = reasonOf(err), err.Error()
	}
	for _, c := range []phaseCondition{
		{PhasePinning, v1alpha1.ConditionDatasetPinned, v1alpha1.ReasonPinned, pinnedMessage(s.Pin)},
		{PhaseTesting, v1alpha1.ConditionDataTestsPassed, v1alpha1.ReasonDataTestsPassed, "TryOnDatasetVersion " + s.Dataset + " passed"},
		{PhaseVersion, v1alpha1.ConditionVersionReady, v1alpha1.ReasonReady, decided},
	} {
		c.set(model, plan)
	}
	ready := metav1.ConditionFalse
	if plan.Reason == v1alpha1.ReasonReady {
		ready = metav1.ConditionTrue
	}
	status.Set(model, v1alpha1.ConditionReady, ready, plan.Reason, plan.Message)
}

// phaseCondition is the condition of one phase, with the reason and message that it has behind that phase.
type phaseCondition struct {
	phase         Phase
	condition     string
	done, message string
}

// set makes the condition True behind its phase, the current reason in it, and Unknown before it.
func (c phaseCondition) set(model *v1alpha1.TryOnModel, plan Plan) {
	switch {
	case plan.Phase > c.phase:
		status.Set(model, c.condition, metav1.ConditionTrue, c.done, c.message)
	case plan.Phase == c.phase:
		status.Set(model, c.condition, metav1.ConditionFalse, plan.Reason, plan.Message)
	default:
		status.Set(model, c.condition, metav1.ConditionUnknown, v1alpha1.ReasonPending, "What comes before it is not done")
	}
}

// summarizeError says that the cluster could not be read. A conflict is no news: the next pass reads the newer object.
func summarizeError(model *v1alpha1.TryOnModel, err error) {
	if !apierrors.IsConflict(err) {
		status.Set(model, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonReconcileError, err.Error())
	}
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, apply.ErrNotOwned):
		return v1alpha1.ReasonNotOwned
	case errors.Is(err, resources.ErrStore):
		return v1alpha1.ReasonStoreUnavailable
	}
	return v1alpha1.ReasonReconcileError
}

func pinnedMessage(pin *v1alpha1.PinStatus) string {
	if pin == nil {
		return ""
	}
	return string(pin.Digest)
}

// newestReady gives the newest version that may be served; nil while there is none.
func newestReady(versions []v1alpha1.TryOnModelVersion) *v1alpha1.TryOnModelVersion {
	var passed []v1alpha1.TryOnModelVersion
	for i := range versions {
		v := &versions[i]
		if v.DeletionTimestamp.IsZero() && meta.IsStatusConditionTrue(v.Status.Conditions, v1alpha1.ConditionReady) {
			passed = append(passed, *v)
		}
	}
	return newestOf(passed)
}
