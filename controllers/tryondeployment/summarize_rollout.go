package tryondeployment

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/history"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/status"
)

// setCommanded says that a command is in force, which a person may have forgotten.
func setCommanded(obj *v1alpha1.TryOnDeployment) {
	command, known := commandOf(obj)
	remove := fmt.Sprintf("take it away with kubectl annotate tod %s %s-", obj.Name, names.RolloutAnnotation)
	switch {
	case !known:
		status.Set(obj, v1alpha1.ConditionCommanded, metav1.ConditionFalse, v1alpha1.ReasonUnknownCommand,
			fmt.Sprintf("%s, and holds every candidate like Pause; %s", unknownCommand(obj), remove))
	case command != "":
		status.Set(obj, v1alpha1.ConditionCommanded, metav1.ConditionTrue, v1alpha1.ReasonCommandInForce,
			fmt.Sprintf("%s is in force for every candidate as long as the annotation is there; %s", command, remove))
	default:
		meta.RemoveStatusCondition(&obj.Status.Conditions, v1alpha1.ConditionCommanded)
	}
}

func unknownCommand(obj *v1alpha1.TryOnDeployment) string {
	return fmt.Sprintf("the annotation %s is %.20q and must be Pause, Abort or Promote", names.RolloutAnnotation, obj.Annotations[names.RolloutAnnotation])
}

// setRemembered keeps what was found, which version serves, and whom the verdict spoke against. A rejection that was not carried out is
// found again.
func setRemembered(obj *v1alpha1.TryOnDeployment, plan Plan, err error) {
	s, why := &obj.Status, ""
	if j := plan.Standing.Judgement; j != nil {
		s.Judgement = j
	}
	if j := s.Judgement; j != nil && j.Candidate == s.Stable {
		why = j.Rule
	}
	history.Serve(s, s.Stable, obj.Spec.Model.Version != 0, why, plan.At)
	if r := plan.Rejection; r != nil && err == nil {
		history.Reject(s, v1alpha1.RejectedVersion{
			Version: r.Version, Weights: plan.RejectedWeights, Attempt: judge.Attempt(obj), Reason: r.Reason, Message: r.Message,
		}, plan.At)
	}
}

// setScaling writes how many pods the work asks for. What was not carried out is decided on again.
func setScaling(obj *v1alpha1.TryOnDeployment, plan Plan, err error) {
	if err != nil {
		return
	}
	obj.Status.Scaling = plan.Capacity.StatusAfter(obj.Status.Scaling, plan.At)
	if obj.Status.Scaling == nil {
		meta.RemoveStatusCondition(&obj.Status.Conditions, v1alpha1.ConditionScalingLimited)
		return
	}
	state, reason, message := capacity.Limited(obj)
	status.Set(obj, v1alpha1.ConditionScalingLimited, state, reason, message)
}
