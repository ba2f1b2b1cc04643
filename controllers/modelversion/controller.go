package modelversion

import (
	"context"
	"errors"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
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

	patience status.Patience
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
	defer func() {
		r.patience.Bear(write, err, r.Clock.Now())
		res, err = runner.Settle(res, errors.Join(err, write.Commit(ctx)))
	}()

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
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.Funcs{UpdateFunc: revived}))).
		Owns(&batchv1.Job{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(byLabel)).
		Watches(&v1alpha1.TryOnModelVersion{}, handler.EnqueueRequestsFromMapFunc(r.unfinishedSiblings),
			builder.WithPredicates(predicate.Funcs{UpdateFunc: news})).
		Watches(&v1alpha1.TryOnModelVersion{}, handler.EnqueueRequestsFromMapFunc(r.predecessor), builder.WithPredicates(deletions)).
		Watches(&v1alpha1.TryOnDatasetVersion{}, handler.EnqueueRequestsFromMapFunc(r.unfinishedSiblings),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.TryOnDeployment{}, handler.EnqueueRequestsFromMapFunc(held)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(r)
}
