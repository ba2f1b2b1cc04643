package tryondeployment

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/controlclient"
	"github.com/braincreators/tryon-operator/internal/erasing"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/pace"
	"github.com/braincreators/tryon-operator/internal/reporting"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/status"
)

// Pods asks and tells serving pods.
type Pods interface {
	// Status reads what a pod does.
	Status(ctx context.Context, pod controlclient.Target) (control.Status, error)
	// Unready reads why a pod is not ready; empty when it is.
	Unready(ctx context.Context, pod controlclient.Target) (string, error)
	// Push makes a pod apply a control document.
	Push(ctx context.Context, pod controlclient.Target, document control.Document) error
	// Evidence reads what a pod counted about a candidate in shadow.
	Evidence(ctx context.Context, pod controlclient.Target) (evidence.Report, error)
}

// Reconciler serves TryOnDeployments.
type Reconciler struct {
	client.Client
	// Live reads past the cache what decides about traffic: the Service and the control ConfigMap.
	Live     client.Reader
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	// Serving is what the builders of the pods need.
	Serving serving.Config
	Pods    Pods
	// Runner has replays and the reports of judgements made, and applies what the object owns.
	Runner *runner.Runner

	// collecting holds back how often the pods of an object are asked for evidence.
	collecting pace.Pace
	// loads remembers what the pods of scaled objects said.
	loads    capacity.Memories
	patience status.Patience
}

// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryondeployments;tryonmodels;tryonmodelversions;tryondatasetversions,verbs=get;list;watch
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryondeployments;tryondeployments/status,verbs=patch
// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryondeployments/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;create;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one TryOnDeployment a step further.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (res ctrl.Result, err error) {
	obj := &v1alpha1.TryOnDeployment{}
	if err := r.Get(ctx, req.NamespacedName, obj); err != nil {
		if apierrors.IsNotFound(err) {
			r.loads.Forget(req.NamespacedName)
		}
		return res, client.IgnoreNotFound(err)
	}
	captures := r.eraser().Pass(ctx, obj, r.Clock.Now())
	if captures.Gone {
		r.eraser().Announce(obj, captures)
		return res, nil
	}
	write, told := status.Begin(r.Client, r.Recorder, obj), *obj.Status.DeepCopy()
	defer func() {
		r.patience.Bear(write, err, r.Clock.Now())
		committed := write.Commit(ctx)
		if committed == nil {
			r.announce(obj, told)
			r.eraser().Announce(obj, captures)
		}
		res, err = runner.Settle(res, errors.Join(err, committed))
	}()

	if captures.Ends {
		erasing.Summarize(obj, captures)
		res.RequeueAfter = captures.Wait
		return res, captures.Err
	}
	seen, err := r.observe(ctx, obj)
	if seen != nil {
		captures = captures.Hear(servingpod.Capture(seen.Pods, seen.Reports, captures.Mark))
	}
	plan := decide(obj, seen, r.Clock.Now())
	if err == nil {
		// The report comes first: the next judgement's ledger would take the place of its evidence.
		plan.Report = reporting.Act(ctx, r.Runner, obj, seen.Report, plan.Report)
		err = r.act(ctx, obj, seen, plan)
	}
	// Not before: what acts may rely on what is in the status already, and on nothing that is yet to be written.
	erasing.Summarize(obj, captures)
	summarize(obj, seen, plan, err)
	if err == nil {
		res.RequeueAfter = soonest(plan.RecheckAfter, captures.Wait)
	}
	return res, err
}

// SetupWithManager registers the controller and what it watches.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	byLabel := handler.EnqueueRequestsFromMapFunc(deploymentOf)
	err := ctrl.NewControllerManagedBy(mgr).
		Named("tryondeployment").
		For(&v1alpha1.TryOnDeployment{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Owns(&appsv1.Deployment{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ConfigMap{}, builder.WithPredicates(predicate.Funcs{UpdateFunc: notLedger})).
		Owns(&networkingv1.NetworkPolicy{}).
		Owns(&policyv1.PodDisruptionBudget{}).
		Owns(&batchv1.Job{}).
		Watches(&corev1.Pod{}, byLabel).
		Watches(&discoveryv1.EndpointSlice{}, byLabel).
		Watches(&v1alpha1.TryOnModelVersion{}, handler.EnqueueRequestsFromMapFunc(r.servingVersion)).
		Watches(&v1alpha1.TryOnModel{}, handler.EnqueueRequestsFromMapFunc(r.servingModel)).
		// A worker waits for seconds where a pod does not answer. On a node that was lost they all do, and the others' scaling must not wait.
		WithOptions(controller.Options{MaxConcurrentReconciles: 32}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up controller of TryOnDeployment: %w", err)
	}
	return nil
}

// notLedger passes over our own growing ledger: what is in it has been decided on already.
func notLedger(e event.UpdateEvent) bool {
	config, ok := e.ObjectNew.(*corev1.ConfigMap)
	return !ok || config.Data[evidence.LedgerKey] == ""
}

// deploymentOf finds the TryOnDeployment of a serving pod, of one that replays or erases, or of an EndpointSlice, which has the labels of its Service.
func deploymentOf(_ context.Context, obj client.Object) []reconcile.Request {
	name := cmp.Or(obj.GetLabels()[names.LabelDeployment], obj.GetLabels()[names.LabelReplay], obj.GetLabels()[names.LabelErase])
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}}}
}

func (r *Reconciler) servingVersion(ctx context.Context, obj client.Object) []reconcile.Request {
	version, ok := obj.(*v1alpha1.TryOnModelVersion)
	if !ok {
		return nil
	}
	return r.servers(ctx, version.Namespace, version.Spec.Model.Name)
}

func (r *Reconciler) servingModel(ctx context.Context, obj client.Object) []reconcile.Request {
	return r.servers(ctx, obj.GetNamespace(), obj.GetName())
}

// servers are the TryOnDeployments that serve a model.
func (r *Reconciler) servers(ctx context.Context, namespace, model string) []reconcile.Request {
	var list v1alpha1.TryOnDeploymentList
	if err := r.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing TryOnDeployments of a changed model failed")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if list.Items[i].Spec.Model.Name == model {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
