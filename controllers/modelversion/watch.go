package modelversion

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
)

// byLabel finds the version that a pod works for; pods of a PyTorchJob carry the label too.
func byLabel(_ context.Context, obj client.Object) []reconcile.Request {
	name := obj.GetLabels()[names.LabelModelVersion]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}}}
}

// held finds the versions that a deployment serves or asks for. On an update it is asked about the old and the new object, so a
// version that is let go is looked at as well.
func held(_ context.Context, obj client.Object) []reconcile.Request {
	deployment, ok := obj.(*v1alpha1.TryOnDeployment)
	if !ok {
		return nil
	}
	var requests []reconcile.Request
	wanted := versionsOf(deployment)
	if name := wantedBy(deployment); name != "" {
		wanted = append(wanted, name)
	}
	for _, name := range wanted {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}})
	}
	return requests
}

// unfinishedSiblings finds the versions that may adopt what another one has finished, are superseded by it, or wait for a dataset
// version.
func (r *Reconciler) unfinishedSiblings(ctx context.Context, obj client.Object) []reconcile.Request {
	var requests []reconcile.Request
	for _, v := range r.siblingsOf(ctx, obj) {
		if v.Status.Weights == nil && !over(&v) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&v)})
		}
	}
	return requests
}

// predecessor finds the version that becomes the newest of its model when obj is gone: it may have been superseded by it.
func (r *Reconciler) predecessor(ctx context.Context, obj client.Object) []reconcile.Request {
	gone, ok := obj.(*v1alpha1.TryOnModelVersion)
	if !ok {
		return nil
	}
	var newest *v1alpha1.TryOnModelVersion
	for _, v := range r.siblingsOf(ctx, obj) {
		if sameModel(&v, gone) && (newest == nil || v.Spec.Version > newest.Spec.Version) {
			newest = &v
		}
	}
	if newest == nil {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(newest)}}
}

// siblingsOf lists the versions of an object's namespace without itself.
func (r *Reconciler) siblingsOf(ctx context.Context, obj client.Object) []v1alpha1.TryOnModelVersion {
	var list v1alpha1.TryOnModelVersionList
	if err := r.Client.List(ctx, &list, client.InNamespace(obj.GetNamespace())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing model versions for a watch")
		return nil
	}
	return slices.DeleteFunc(list.Items, func(v v1alpha1.TryOnModelVersion) bool { return v.UID == obj.GetUID() })
}

// over tells whether a version has come to an end that nothing which others do changes. Records of such versions gather over the
// years.
func over(version *v1alpha1.TryOnModelVersion) bool {
	ready := meta.FindStatusCondition(version.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return false
	}
	switch ready.Reason {
	case v1alpha1.ReasonTrainingFailed, v1alpha1.ReasonGateFailed, v1alpha1.ReasonSuperseded:
		return true
	}
	return false
}

// revived tells of a version that was over and goes on. It was not told what the others did until its status said so, and looks again.
func revived(e event.UpdateEvent) bool {
	before, after := pair(e)
	return before != nil && over(before) && !over(after)
}

// news tells whether an update of a version is one that others may wait for. Its progress, which changes every few seconds, is none.
func news(e event.UpdateEvent) bool {
	before, after := pair(e)
	return before == nil || !equality.Semantic.DeepEqual(outcomeOf(before), outcomeOf(after))
}

// deletions lets the end of an object through and nothing else.
var deletions = predicate.Funcs{
	CreateFunc:  func(event.CreateEvent) bool { return false },
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// pair gives the versions of an update; nil when it is about something else.
func pair(e event.UpdateEvent) (before, after *v1alpha1.TryOnModelVersion) {
	before, old := e.ObjectOld.(*v1alpha1.TryOnModelVersion)
	after, current := e.ObjectNew.(*v1alpha1.TryOnModelVersion)
	if !old || !current {
		return nil, nil
	}
	return before, after
}

// outcome is what the decisions about other versions read of a version.
type outcome struct {
	Stages     []v1alpha1.StageStatus
	Evaluation *v1alpha1.EvaluationStatus
	Weights    *v1alpha1.WeightsStatus
	InTrouble  bool
	Deleted    bool
}

func outcomeOf(v *v1alpha1.TryOnModelVersion) outcome {
	out := outcome{
		Evaluation: v.Status.Evaluation, Weights: v.Status.Weights, InTrouble: inTrouble(v), Deleted: !v.DeletionTimestamp.IsZero(),
	}
	for _, s := range v.Status.Stages {
		out.Stages = append(out.Stages, v1alpha1.StageStatus{Name: s.Name, State: s.State, Key: s.Key, Weights: s.Weights})
	}
	return out
}
