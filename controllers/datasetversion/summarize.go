package datasetversion

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/status"
)

// summarize writes what was decided into the status, in memory only. err is what kept the decision from being carried out.
func summarize(dataset *v1alpha1.TryOnDatasetVersion, plan Plan, err error) {
	dataset.Status.Tests = plan.Tests
	dataset.Status.Summary = summary(plan.Tests)
	if err != nil {
		plan.Reason, plan.Message = status.ReasonOf(err), err.Error()
	}
	if plan.Reason == v1alpha1.ReasonDataTestsPassed {
		status.Set(dataset, v1alpha1.ConditionDataTestsPassed, metav1.ConditionTrue, plan.Reason, plan.Message)
		status.Set(dataset, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, plan.Message)
		return
	}
	status.Set(dataset, v1alpha1.ConditionDataTestsPassed, metav1.ConditionFalse, plan.Reason, plan.Message)
	status.Set(dataset, v1alpha1.ConditionReady, metav1.ConditionFalse, plan.Reason, plan.Message)
}
