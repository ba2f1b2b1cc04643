package tryonmodel

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
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/status"
)

// Reconciler reconciles TryOnModels.
type Reconciler struct {
	Client   client.Client
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Runner   *runner.Runner
	// TrainerImage is what a method's image "trainer" stands for.
	TrainerImage string

	patience status.Patience
}

// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryonmodels,verbs=get;list;watch
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryonmodels/status,verbs=patch
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryonmodels/finalizers,verbs=update
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryonmethods,verbs=get;list;watch
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryondatasetversions;tryonmodelversions,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;create;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one model a step further.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (res ctrl.Result, err error) {
	model := &v1alpha1.TryOnModel{}
	if err := r.Client.Get(ctx, req.NamespacedName, model); err != nil {
		return res, client.IgnoreNotFound(err)
	}
	if !model.DeletionTimestamp.IsZero() {
		// Owner references take everything along; a version that is served keeps itself.
		return res, nil
	}
	write := status.Begin(r.Client, r.Recorder, model)
	defer func() {
		r.patience.Bear(write, err, r.Clock.Now())
		res, err = runner.Settle(res, errors.Join(err, write.Commit(ctx)))
	}()

	seen, err := r.observe(ctx, model)
	if err != nil {
		status.SetUnknown(model, err)
		return res, err
	}
	plan := decide(model, seen, r.Clock.Now())
	err = r.act(ctx, model, plan)
	summarize(model, plan, seen.Versions, err)
	return ctrl.Result{RequeueAfter: plan.RecheckAfter}, err
}

// SetupWithManager registers the controller and what it watches.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("tryonmodel").
		For(&v1alpha1.TryOnModel{}, builder.WithPredicates(predicate.Or[client.Object](
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Owns(&batchv1.Job{}).
		Owns(&v1alpha1.TryOnModelVersion{}).
		Watches(&v1alpha1.TryOnDatasetVersion{},
			handler.EnqueueRequestForOwner(mgr.GetScheme(), mgr.GetRESTMapper(), &v1alpha1.TryOnModel{})).
		Watches(&v1alpha1.TryOnMethod{}, handler.EnqueueRequestsFromMapFunc(r.usersOf)).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(byLabel)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 2}).
		Complete(r)
}

// byLabel finds the model that a pod pins the dataset of.
func byLabel(_ context.Context, obj client.Object) []reconcile.Request {
	labels := obj.GetLabels()
	if labels[names.LabelWork] != string(resources.Pin) || labels[names.LabelModel] == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: labels[names.LabelModel]}}}
}

// usersOf finds the models that a method trains.
func (r *Reconciler) usersOf(ctx context.Context, obj client.Object) []reconcile.Request {
	var list v1alpha1.TryOnModelList
	if err := r.Client.List(ctx, &list); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing models for a watch")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if list.Items[i].Spec.Method.Name == obj.GetName() {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
