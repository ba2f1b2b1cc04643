package tryondeployment

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/progress"
	"github.com/braincreators/tryon-operator/internal/reporting"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/status"
)

// summarize sets the status, in memory only. seen is nil when the cluster could not be read; what was said about it before stays.
//
// Ready is True when the version that the spec asks for is served by as many pods as are promised and no other takes over: like Available of
// a Deployment, it does not mind what pods that replace them lack. It is True, too, when that version was rejected and the stable one serves
// on; RolledOut tells the difference.
func summarize(obj *v1alpha1.TryOnDeployment, seen *Observed, plan Plan, err error) {
	if seen == nil {
		setUnseen(obj, err)
		return
	}
	want := resolve(obj, seen)
	setResolved(obj, want)
	setCommanded(obj)
	if plan.Stable != "" {
		setServed(obj, seen, plan, err)
		setScaling(obj, plan, err)
		setRemembered(obj, plan, err)
		setAvailable(obj, seen, plan)
		setCatalogueReadable(obj, seen)
		setRolledOut(obj, want, plan)
		reporting.Summarize(obj, plan.Report)
	}
	setReady(obj, want, plan, err)
}

// setUnseen is for a pass that could not look: nothing is known, or what was found must not be touched.
func setUnseen(obj *v1alpha1.TryOnDeployment, err error) {
	state := metav1.ConditionUnknown
	if errors.Is(err, apply.ErrNotOwned) {
		state = metav1.ConditionFalse
	}
	status.Set(obj, v1alpha1.ConditionReady, state, status.ReasonOf(err), err.Error())
}

func setResolved(obj *v1alpha1.TryOnDeployment, want resolution) {
	state := metav1.ConditionTrue
	if want.Version == "" {
		state = metav1.ConditionFalse
	}
	status.Set(obj, v1alpha1.ConditionModelResolved, state, want.Reason, want.Message)
}

// setServed writes which versions are in use. When the plan was not carried out to its end, the selector may still be the old one.
func setServed(obj *v1alpha1.TryOnDeployment, seen *Observed, plan Plan, err error) {
	stable := plan.Stable
	if err != nil && seen.Service != nil {
		stable = routed(seen)
	}
	s := &obj.Status
	s.Stable = stable
	if s.Candidate = progress.Candidate(plan.Plan); s.Candidate != nil {
		s.Candidate.Forwards = plan.Forwards
	}
	s.Weight = progress.Weight(plan.Plan)
	_, ready := countPods(seen, stable)
	s.Pods = fmt.Sprintf("%d/%d", ready, plan.Capacity.Replicas)
	s.URL = serving.URL(obj)
	// An autoscaler takes the mean over these pods: with the stable ones alone it would take half of them away at half the requests.
	if plan.Candidate != "" && (plan.Weight > 0 || obj.Spec.Rollout.Strategy == v1alpha1.StrategyInPlace) {
		s.Selector = serving.GroupSelector(obj.Name).String()
		setReplicas(s, seen, stable, plan.Candidate)
	} else {
		s.Selector = serving.Selector(obj.Name, stable).String()
		setReplicas(s, seen, stable)
	}
}

func setReplicas(s *v1alpha1.TryOnDeploymentStatus, seen *Observed, versions ...string) {
	var replicas, ready int32
	for _, version := range versions {
		all, able := countPods(seen, version)
		replicas, ready = replicas+all, ready+able
	}
	s.Replicas, s.ReadyReplicas = ptr.To(replicas), ptr.To(ready)
}

// countPods counts the pods of a version that are not being deleted, and the ready ones of them.
func countPods(seen *Observed, version string) (all, ready int32) {
	for i := range seen.Pods {
		p := &seen.Pods[i]
		if p.Labels[names.LabelModelVersion] != version || !p.DeletionTimestamp.IsZero() || servingpod.Finished(p) {
			continue
		}
		all++
		if servingpod.Ready(p) {
			ready++
		}
	}
	return all, ready
}

func setAvailable(obj *v1alpha1.TryOnDeployment, seen *Observed, plan Plan) {
	if _, ready := countPods(seen, obj.Status.Stable); ready > 0 {
		status.Set(obj, v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonServing,
			fmt.Sprintf("%s takes requests at %s", obj.Status.Stable, obj.Status.URL))
		return
	}
	reason := v1alpha1.ReasonUnavailable
	if plan.Stage == v1alpha1.ReasonStarting {
		reason = v1alpha1.ReasonStarting
	}
	status.Set(obj, v1alpha1.ConditionAvailable, metav1.ConditionFalse, reason, fmt.Sprintf("no pod of %s takes requests", obj.Status.Stable))
}

func setCatalogueReadable(obj *v1alpha1.TryOnDeployment, seen *Observed) {
	if obj.Spec.Catalogue.URI == "" {
		meta.RemoveStatusCondition(&obj.Status.Conditions, v1alpha1.ConditionCatalogueReadable)
		return
	}
	state, reason, message := servingpod.Catalogue(seen.Pods, seen.Reports)
	status.Set(obj, v1alpha1.ConditionCatalogueReadable, state, reason, message)
}

func setRolledOut(obj *v1alpha1.TryOnDeployment, want resolution, plan Plan) {
	switch {
	case want.Version == "":
		status.Set(obj, v1alpha1.ConditionRolledOut, metav1.ConditionUnknown, want.Reason, want.Message)
	case plan.Stage == v1alpha1.ReasonServing:
		status.Set(obj, v1alpha1.ConditionRolledOut, metav1.ConditionTrue, v1alpha1.ReasonServing, plan.Message)
	default:
		status.Set(obj, v1alpha1.ConditionRolledOut, metav1.ConditionFalse, plan.Stage, plan.Message)
	}
}

func setReady(obj *v1alpha1.TryOnDeployment, want resolution, plan Plan, err error) {
	switch {
	case err != nil:
		status.Set(obj, v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonOf(err), err.Error())
	case want.Version == "" && plan.Stable != "":
		status.Set(obj, v1alpha1.ConditionReady, metav1.ConditionFalse, want.Reason, fmt.Sprintf("%s; %s serves on", want.Message, plan.Stable))
	case want.Version == "":
		status.Set(obj, v1alpha1.ConditionReady, metav1.ConditionFalse, want.Reason, want.Message)
	case plan.Stage == v1alpha1.ReasonServing || plan.Stage == v1alpha1.ReasonRejected || plan.Stage == v1alpha1.ReasonForwardsFailed || plan.Carried:
		status.Set(obj, v1alpha1.ConditionReady, metav1.ConditionTrue, plan.Stage, plan.Message)
	default:
		status.Set(obj, v1alpha1.ConditionReady, metav1.ConditionFalse, plan.Stage, plan.Message)
	}
}
