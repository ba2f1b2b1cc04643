package capacity

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// Change is a sentence on the change of the number of pods that the plan is; empty when it is none.
func (p Plan) Change() string {
	if !p.Scaled || p.Present == 0 || p.Present == p.Replicas {
		return ""
	}
	return fmt.Sprintf("%d -> %d pods: %s", p.Present, p.Replicas, p.Message)
}

// StatusAfter is the status once the plan was carried out. The figures of a message move at every look, so it is told anew only with
// another number or reason.
func (p Plan) StatusAfter(before *v1alpha1.ScalingStatus, at time.Time) *v1alpha1.ScalingStatus {
	if !p.Scaled {
		return nil
	}
	now := &v1alpha1.ScalingStatus{Desired: p.Replicas, Reason: p.Reason, Message: p.Message, Requested: p.Requested, LastChangeTime: ptr.To(metav1.NewTime(at))}
	if before == nil {
		return now
	}
	if before.Desired == now.Desired {
		now.LastChangeTime = before.LastChangeTime
		// Whoever has just begun to watch knows nothing new.
		if before.Reason == now.Reason || now.Reason == v1alpha1.ReasonScalingWatching {
			now.Reason, now.Message = before.Reason, before.Message
		}
	}
	return now
}

// Cut is a sentence on a spec.replicas that asks for more than scaling.maxReplicas allows; empty when it does not.
func Cut(tod *v1alpha1.TryOnDeployment) string {
	asked, most := serving.Replicas(tod), tod.Spec.Scaling.MaxReplicas
	if !Scaled(tod) || asked <= most {
		return ""
	}
	return fmt.Sprintf("spec.replicas asks for %d pods, and scaling.maxReplicas allows no more than %d: raise scaling.maxReplicas to have more", asked, most)
}

// NewlyCut is Cut when the status has taken a request that the one before had not; empty otherwise.
func NewlyCut(tod *v1alpha1.TryOnDeployment, before *v1alpha1.ScalingStatus) string {
	if now := tod.Status.Scaling; now == nil || (before != nil && before.Requested == now.Requested) {
		return ""
	}
	return Cut(tod)
}

// Limited says whether something holds the number of pods back, with the reason and the message of ScalingLimited.
func Limited(tod *v1alpha1.TryOnDeployment) (state metav1.ConditionStatus, reason, message string) {
	state, reason, message = limitedBy(tod.Status.Scaling)
	if cut := Cut(tod); cut != "" {
		message += "; " + cut
	}
	return state, reason, message
}

func limitedBy(s *v1alpha1.ScalingStatus) (state metav1.ConditionStatus, reason, message string) {
	switch s.Reason {
	case v1alpha1.ReasonScalingAtMaximum:
		return metav1.ConditionTrue, s.Reason, s.Message + "; raise scaling.maxReplicas if that is worth it"
	case v1alpha1.ReasonScalingReadingsMissing:
		return metav1.ConditionTrue, s.Reason, s.Message
	case v1alpha1.ReasonScalingNoPodReady, v1alpha1.ReasonScalingWatching:
		return metav1.ConditionUnknown, s.Reason, s.Message
	}
	return metav1.ConditionFalse, v1alpha1.ReasonScalingFree, "the work asks for no more than maxReplicas, and the pods say how much they have"
}
