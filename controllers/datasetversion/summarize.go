package datasetversion

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/status"
)

// summarize writes what was decided into the status, in memory only. err is what kept the decision from being carried out.
func summarize(dataset *v1alpha1.TryOnDatasetVersion, plan Plan, err error) {
	dataset.Status.Tests = plan.Tests
	dataset.Status.Summary = summary(plan.Tests)
	if err != nil {
		plan.Reason, plan.Message = reasonOf(err), err.Error()
	}
	if plan.Reason == v1alpha1.ReasonDataTestsPassed {
		status.Set(dataset, v1alpha1.ConditionDataTestsPassed, metav1.ConditionTrue, plan.Reason, plan.Message)
		status.Set(dataset, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, plan.Message)
		return
	}
	status.Set(dataset, v1alpha1.ConditionDataTestsPassed, metav1.ConditionFalse, plan.Reason, plan.Message)
	status.Set(dataset, v1alpha1.ConditionReady, metav1.ConditionFalse, plan.Reason, plan.Message)
}

// summarizeError says that the cluster could not be read. A conflict is no news: the next pass reads the newer object.
func summarizeError(dataset *v1alpha1.TryOnDatasetVersion, err error) {
	if !apierrors.IsConflict(err) {
		status.Set(dataset, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonReconcileError, err.Error())
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
