package capacity

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/scale"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// Plan is how many pods each version is to have, and why.
type Plan struct {
	// Replicas that each version is to have.
	Replicas int32
	// Least is with how many of them a version serves as the spec asks for.
	Least int32
	// Scaled says that the work decides; without it spec.replicas does, and everything below is zero.
	Scaled bool
	// Present is the number before; 0 when there was none.
	Present int32
	// Reason and Message are those of the API.
	Reason, Message string
	// Requested is spec.replicas, which has been taken into account.
	Requested int32
	// RecheckAfter is when to look again.
	RecheckAfter time.Duration
	// Memory for the next look.
	Memory Memory
}

// Scaled says whether the work decides how many pods there are.
func Scaled(tod *v1alpha1.TryOnDeployment) bool { return tod.Spec.Scaling.MaxReplicas > 0 }

// Decide plans how many pods each version is to have.
func Decide(tod *v1alpha1.TryOnDeployment, look Look, before Memory) Plan {
	asked := serving.Replicas(tod)
	if !Scaled(tod) {
		return Plan{Replicas: asked, Least: asked}
	}
	s := settingsOf(tod)
	heard, present, order := look.hear(before.heard), presentOf(tod, look, before), orderOf(tod, s)
	facts := look.facts(heard, max(present, order))
	decision, memory := scale.Decide(s, facts, before.scale)
	plan := Plan{
		Replicas: decision.Replicas, Least: min(decision.Replicas, s.MinReplicas), Scaled: true, Present: present, Reason: string(decision.Reason), Message: decision.Message,
		Requested: asked, RecheckAfter: decision.RecheckAfter,
	}
	switch {
	case present > 0 && look.takingOver():
		plan.Replicas = present
		plan.Reason = v1alpha1.ReasonScalingHeld
		plan.Message = fmt.Sprintf("%s has taken over; the number is held until the pods of the version before it leave", look.Stable)
	case present > 0 && order > present && plan.Replicas == order:
		plan.Reason = v1alpha1.ReasonScalingRequested
		plan.Message = fmt.Sprintf("spec.replicas was set to %d%s: so many pods are kept for %v, and then as many as are needed", asked, within(asked, s), s.ScaleDownDelay)
	}
	plan.Memory = Memory{scale: memory, heard: heard, decided: plan.Replicas}
	return plan
}

// within says that spec.replicas asks for more than the bounds allow; empty when it does not.
func within(asked int32, s scale.Settings) string {
	if asked <= s.MaxReplicas {
		return ""
	}
	return fmt.Sprintf(", of which scaling.maxReplicas allows %d", s.MaxReplicas)
}

// presentOf is the number that there is: that of the stable version's Deployment, in which a change by hand can be seen too. In place it has
// only a part of it, and when somebody deleted it none; then it is what was decided last.
func presentOf(tod *v1alpha1.TryOnDeployment, look Look, before Memory) int32 {
	taken := tod.Status.Scaling
	switch {
	case look.Present > 0 && !look.InPlace:
		return look.Present
	case before.decided > 0:
		return before.decided
	case taken != nil:
		return taken.Desired
	}
	return look.Present
}

// orderOf is the number of pods that spec.replicas asks for, within the bounds; 0 when that was taken into account before.
func orderOf(tod *v1alpha1.TryOnDeployment, s scale.Settings) int32 {
	asked := serving.Replicas(tod)
	if taken := tod.Status.Scaling; taken != nil && taken.Requested == asked {
		return 0
	}
	return min(max(asked, s.MinReplicas), s.MaxReplicas)
}

// settingsOf are those of the spec; what it does not say is left to the defaults of package scale.
func settingsOf(tod *v1alpha1.TryOnDeployment) scale.Settings {
	spec := tod.Spec.Scaling
	s := scale.Default()
	s.MinReplicas, s.MaxReplicas = max(spec.MinReplicas, 1), spec.MaxReplicas
	s.MaxBacklog = serving.RequestTimeout(tod)
	for _, d := range []struct {
		said *metav1.Duration
		into *time.Duration
	}{{spec.TargetBacklog, &s.TargetBacklog}, {spec.StableWindow, &s.StableWindow}, {spec.ScaleDownDelay, &s.ScaleDownDelay}} {
		if d.said != nil {
			*d.into = d.said.Duration
		}
	}
	if spec.UtilisationPercent > 0 {
		s.Utilisation = float64(spec.UtilisationPercent) / 100
	}
	s.BurstWindow = min(s.BurstWindow, s.StableWindow)
	return s
}
