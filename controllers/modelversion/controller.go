package modelversion

import (
	"context"
	"errors"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/status"
)

// Reconciler reconciles TryOnModelVersions.
type Reconciler struct {
	Client   client.Client
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Runner   *runner.Runner
	// Progress reads the progress of running stages; NewProgressPoller makes the one for the cluster.
	Progress ProgressReader
}

// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryonmodelversions,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryonmodelversions/status,verbs=patch
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryonmodelversions/finalizers,verbs=update
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryondatasetversions;tryondeployments,verbs=get;list;watch
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=kubeflow.org,resources=pytorchjobs,verbs=get;list;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;create;patch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one version a step further.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (res ctrl.Result, err error) {
	version := &v1alpha1.TryOnModelVersion{}
	if err := r.Client.Get(ctx, req.NamespacedName, version); err != nil {
		return res, client.IgnoreNotFound(err)
	}
	holders, err := r.finalize(ctx, version)
	if err != nil || (!version.DeletionTimestamp.IsZero() && len(holders) == 0) {
		return runner.Settle(res, err)
	}
	write := status.Begin(r.Client, r.Recorder, version)
	defer func() { res, err = runner.Settle(res, errors.Join(err, write.Commit(ctx))) }()

	seen, err := r.observe(ctx, version, holders)
	if err != nil {
		status.SetUnknown(version, err)
		return res, err
	}
	plan := decide(version, seen, r.Clock.Now())
	err = r.act(ctx, version, seen, plan)
	summarize(version, plan, err)
	return ctrl.Result{RequeueAfter: plan.RecheckAfter}, err
}

// SetupWithManager registers the controller and what it watches.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("tryonmodelversion").
		For(&v1alpha1.TryOnModelVersion{}, builder.WithPredicates(predicate.Or[client.Object](
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Owns(&batchv1.Job{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(byLabel)).
		Watches(&v1alpha1.TryOnModelVersion{}, handler.EnqueueRequestsFromMapFunc(r.unfinishedSiblings)).
		Watches(&v1alpha1.TryOnDatasetVersion{}, handler.EnqueueRequestsFromMapFunc(r.unfinishedSiblings)).
		Watches(&v1alpha1.TryOnDeployment{}, handler.EnqueueRequestsFromMapFunc(held)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(r)
}

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
	var list v1alpha1.TryOnModelVersionList
	if err := r.Client.List(ctx, &list, client.InNamespace(obj.GetNamespace())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing model versions for a watch")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		v := &list.Items[i]
		if v.UID != obj.GetUID() && v.Status.Weights == nil {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(v)})
		}
	}
	return requests
}
