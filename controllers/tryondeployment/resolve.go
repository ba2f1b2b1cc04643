package tryondeployment

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// resolution is which version the spec asks for now.
type resolution struct {
	// Version is the name of the TryOnModelVersion; empty when none may be served.
	Version string
	// Reason and Message of the condition ModelResolved.
	Reason  string
	Message string
}

// resolve finds the newest version that passed its gates, or the fixed one.
func resolve(obj *v1alpha1.TryOnDeployment, seen *Observed) resolution {
	model, fixed := obj.Spec.Model.Name, obj.Spec.Model.Version
	asked := func(v *v1alpha1.TryOnModelVersion) bool {
		return v.Spec.Model.Name == model && (fixed == 0 || v.Spec.Version == fixed)
	}
	best := newest(seen.Versions, func(v *v1alpha1.TryOnModelVersion) bool { return asked(v) && servable(v, fixed != 0) })
	switch {
	case best != nil && fixed != 0:
		return resolution{best.Name, v1alpha1.ReasonResolved, best.Name + " is asked for"}
	case best != nil:
		return resolution{best.Name, v1alpha1.ReasonResolved, best.Name + " is the newest version that passed its gates"}
	}
	switch last := newest(seen.Versions, asked); {
	case last != nil:
		return resolution{"", v1alpha1.ReasonVersionNotReady, notReady(last)}
	case seen.Model == nil:
		return resolution{"", v1alpha1.ReasonModelNotFound, fmt.Sprintf("there is no TryOnModel %s in this namespace", model)}
	case fixed != 0:
		return resolution{"", v1alpha1.ReasonVersionNotReady, fmt.Sprintf("TryOnModel %s has no version %d", model, fixed)}
	}
	return resolution{"", v1alpha1.ReasonVersionNotReady, fmt.Sprintf("TryOnModel %s has no version yet%s", model, because(seen.Model.Status.Conditions))}
}

// newest is the version of the highest number that is taken; nil when none is.
func newest(versions []v1alpha1.TryOnModelVersion, taken func(*v1alpha1.TryOnModelVersion) bool) *v1alpha1.TryOnModelVersion {
	var found *v1alpha1.TryOnModelVersion
	for i := range versions {
		if v := &versions[i]; taken(v) && (found == nil || v.Spec.Version > found.Spec.Version) {
			found = v
		}
	}
	return found
}

// servable says whether a version may be served: its weights are published, which follows its gates and is never taken back. Its
// conditions tell how it goes at the moment and are not asked. One that is being deleted is served on only where the spec names it.
func servable(v *v1alpha1.TryOnModelVersion, named bool) bool {
	return v.Status.Weights != nil && v.Status.Weights.Digest != "" && (named || v.DeletionTimestamp.IsZero())
}

func notReady(v *v1alpha1.TryOnModelVersion) string {
	if !v.DeletionTimestamp.IsZero() {
		return v.Name + " is being deleted"
	}
	return v.Name + " is not ready" + cmp.Or(because(v.Status.Conditions), " yet")
}

// because is what an object says of its own readiness, behind a colon; empty when it says nothing.
func because(conditions []metav1.Condition) string {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return ""
	}
	return ": " + strings.TrimSuffix(ready.Reason+": "+ready.Message, ": ")
}
