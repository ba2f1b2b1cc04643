package datasetversion

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

// Reconciler reconciles TryOnDatasetVersions.
type Reconciler struct {
	Client   client.Client
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Runner   *runner.Runner

	patience status.Patience
}

// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryondatasetversions,verbs=get;list;watch
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryondatasetversions/status,verbs=patch
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryondatasetversions/finalizers,verbs=update
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryonmodels,verbs=get;list;watch
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;create;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one dataset version to its verdict.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (res ctrl.Result, err error) {
	dataset := &v1alpha1.TryOnDatasetVersion{}
	if err := r.Client.Get(ctx, req.NamespacedName, dataset); err != nil {
		return res, client.IgnoreNotFound(err)
	}
	if !dataset.DeletionTimestamp.IsZero() {
		return res, nil
	}
	write := status.Begin(r.Client, r.Recorder, dataset)
	defer func() {
		r.patience.Bear(write, err, r.Clock.Now())
		res, err = runner.Settle(res, errors.Join(err, write.Commit(ctx)))
	}()

	seen, err := r.observe(ctx, dataset)
	if err != nil {
		status.SetUnknown(dataset, err)
		return res, err
	}
	plan := decide(dataset, seen, r.Clock.Now())
	err = r.act(ctx, dataset, seen, plan)
	summarize(dataset, plan, err)
	return ctrl.Result{RequeueAfter: plan.RecheckAfter}, err
}

// SetupWithManager registers the controller and what it watches.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("tryondatasetversion").
		For(&v1alpha1.TryOnDatasetVersion{}, builder.WithPredicates(predicate.Or[client.Object](
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Owns(&batchv1.Job{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(byLabel)).
		Watches(&v1alpha1.TryOnModel{}, handler.EnqueueRequestsFromMapFunc(used), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 2}).
		Complete(r)
}

// byLabel finds the dataset version that a pod tests.
func byLabel(_ context.Context, obj client.Object) []reconcile.Request {
	name := obj.GetLabels()[names.LabelDatasetVersion]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}}}
}

// used finds the record that a model uses; its tests run where the model says.
func used(_ context.Context, obj client.Object) []reconcile.Request {
	model, ok := obj.(*v1alpha1.TryOnModel)
	if !ok || model.Status.Dataset == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: model.Status.Dataset}}}
}
