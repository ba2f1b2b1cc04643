package tryondeployment

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/controlclient"
	"github.com/braincreators/tryon-operator/internal/judging"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/replayjob"
	"github.com/braincreators/tryon-operator/internal/reporting"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// Observed is what one look at the cluster found. Pointers are nil for what is absent.
type Observed struct {
	Model *v1alpha1.TryOnModel
	// Versions of the namespace, of every model.
	Versions []v1alpha1.TryOnModelVersion
	// Service of the whole group.
	Service *corev1.Service
	// Control is the document in the ConfigMap; its generation is 0 when there is none or it is unreadable.
	Control control.Document
	// Built tells of what the serving pods are to be made.
	Built string
	// Deployments that belong to the object.
	Deployments []appsv1.Deployment
	// Pods with the object's labels, also those whose Deployment is gone.
	Pods []corev1.Pod
	// Slices are the EndpointSlices of the object's Services.
	Slices []discoveryv1.EndpointSlice
	// Reports are the answers of the pods that were asked and answered, by UID.
	Reports map[types.UID]servingpod.Report
	// Judging is the question that is put about the wanted version, with the evidence.
	Judging judging.Seen
	// Present is the number of replicas in the spec of the stable version's Deployment, and Loads what its pods said before; only when
	// the work decides about the replicas.
	Present int32
	Loads   capacity.Memory
	// Report of the judgement that has ended; nil when none is due.
	Report *reporting.Due
}

// observe reads. On an error the result is nil: a decision on half of the facts would be wrong.
func (r *Reconciler) observe(ctx context.Context, obj *v1alpha1.TryOnDeployment) (*Observed, error) {
	seen := &Observed{Built: r.Serving.Built(obj), Reports: map[types.UID]servingpod.Report{}}
	for _, read := range []func(context.Context, *v1alpha1.TryOnDeployment, *Observed) error{
		r.observeModel, r.observeTruth, r.observeScale, r.observePods, r.observeEndpoints,
	} {
		if err := read(ctx, obj, seen); err != nil {
			return nil, err
		}
	}
	r.ask(ctx, podsToAsk(obj, seen), seen)
	var err error
	if seen.Judging, err = r.court().Observe(ctx, obj, judgingOf(obj, seen)); err != nil {
		return nil, err
	}
	r.observeReport(ctx, obj, seen)
	return seen, nil
}

func (r *Reconciler) observeModel(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed) error {
	model := &v1alpha1.TryOnModel{}
	switch err := r.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: obj.Spec.Model.Name}, model); {
	case err == nil:
		seen.Model = model
	case client.IgnoreNotFound(err) != nil:
		return fmt.Errorf("reading TryOnModel %s: %w", obj.Spec.Model.Name, err)
	}
	var list v1alpha1.TryOnModelVersionList
	if err := r.List(ctx, &list, client.InNamespace(obj.Namespace)); err != nil {
		return fmt.Errorf("listing model versions: %w", err)
	}
	seen.Versions = list.Items
	return nil
}

// observeTruth reads past the cache what decides about traffic.
func (r *Reconciler) observeTruth(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed) error {
	service, config := &corev1.Service{}, &corev1.ConfigMap{}
	found, err := apply.Read(ctx, r.Live, obj, obj.Name, service)
	if err != nil {
		return err
	}
	if found {
		seen.Service = service
	}
	if found, err = apply.Read(ctx, r.Live, obj, names.Control(obj.Name), config); err != nil || !found {
		return err
	}
	// What cannot be read counts as absent and is written anew, above every generation that pods have seen.
	if document, err := control.Decode([]byte(config.Data[control.Key])); err == nil {
		seen.Control = document
	}
	return nil
}

// observeScale reads past the cache how many replicas there are to be: a change that is not seen yet would be decided on once more.
func (r *Reconciler) observeScale(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed) error {
	if !capacity.Scaled(obj) || stableOf(obj, seen) == "" {
		return nil
	}
	seen.Loads = r.loads.Recall(client.ObjectKeyFromObject(obj), obj.UID)
	deployment := &appsv1.Deployment{}
	found, err := apply.Read(ctx, r.Live, obj, names.Serving(obj.Name, stableOf(obj, seen)), deployment)
	if found {
		seen.Present = ptr.Deref(deployment.Spec.Replicas, 1)
	}
	return err
}

// routed is the version that the Service selects; empty when there is no Service.
func routed(seen *Observed) string {
	if seen.Service == nil {
		return ""
	}
	return seen.Service.Spec.Selector[names.LabelModelVersion]
}

// stableOf is the version that the Service selects or, without a Service, the one that it selected last.
func stableOf(obj *v1alpha1.TryOnDeployment, seen *Observed) string {
	if version := routed(seen); version != "" {
		return version
	}
	return obj.Status.Stable
}

func (r *Reconciler) observePods(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed) error {
	ours := client.MatchingLabels(serving.GroupSelector(obj.Name))
	var deployments appsv1.DeploymentList
	if err := r.List(ctx, &deployments, client.InNamespace(obj.Namespace), ours); err != nil {
		return fmt.Errorf("listing Deployments: %w", err)
	}
	seen.Deployments = slices.DeleteFunc(deployments.Items, func(d appsv1.Deployment) bool {
		return !metav1.IsControlledBy(&d, obj) || !d.DeletionTimestamp.IsZero()
	})
	var pods corev1.PodList
	if err := r.List(ctx, &pods, client.InNamespace(obj.Namespace), ours); err != nil {
		return fmt.Errorf("listing serving pods: %w", err)
	}
	seen.Pods = pods.Items
	return nil
}

func (r *Reconciler) observeEndpoints(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed) error {
	services := []string{obj.Name}
	for i := range seen.Deployments {
		services = append(services, seen.Deployments[i].Name)
	}
	requirement, err := labels.NewRequirement(discoveryv1.LabelServiceName, selection.In, services)
	if err != nil {
		return fmt.Errorf("selecting EndpointSlices: %w", err)
	}
	var list discoveryv1.EndpointSliceList
	err = r.List(ctx, &list, client.InNamespace(obj.Namespace), client.MatchingLabelsSelector{Selector: labels.NewSelector().Add(*requirement)})
	if err != nil {
		return fmt.Errorf("listing EndpointSlices: %w", err)
	}
	seen.Slices = list.Items
	return nil
}

// ask asks pods about themselves. One that does not answer has no report; that is a fact and not an error.
func (r *Reconciler) ask(ctx context.Context, pods []corev1.Pod, seen *Observed) {
	reports := make([]*servingpod.Report, len(pods))
	controlclient.Each(len(pods), func(i int) { reports[i] = r.askPod(ctx, &pods[i]) })
	for i := range pods {
		if reports[i] != nil {
			seen.Reports[pods[i].UID] = *reports[i]
		}
	}
}

func (r *Reconciler) askPod(ctx context.Context, pod *corev1.Pod) *servingpod.Report {
	log := ctrl.LoggerFrom(ctx).V(1)
	target := controlclient.TargetOf(pod)
	state, err := r.Pods.Status(ctx, target)
	if err != nil {
		log.Info("Serving pod does not say what it does", "pod", pod.Name, "reason", err.Error())
		return nil
	}
	report := &servingpod.Report{Generation: state.Generation, Forwards: state.Forwards, Load: state.Load, Catalogue: state.Catalogue, Capture: state.Capture}
	if servingpod.Ready(pod) {
		return report
	}
	if report.Unready, err = r.Pods.Unready(ctx, target); err != nil {
		log.Info("Serving pod does not say why it is not ready", "pod", pod.Name, "reason", err.Error())
	}
	return report
}

// telling says whether ready pods have something to tell of that nothing else tells: their catalogue, and the requests that they keep.
func telling(obj *v1alpha1.TryOnDeployment) bool {
	return obj.Spec.Catalogue.URI != "" || obj.Spec.Capture.To.URI != ""
}

// podsToAsk are the ready pods while a rollout needs their confirmation or scaling their load, or where they have something to tell of, and
// those whose sidecar runs without being ready.
func podsToAsk(obj *v1alpha1.TryOnDeployment, seen *Observed) []corev1.Pod {
	wanted := capacity.Scaled(obj) || telling(obj) || confirmationsMatter(obj, seen)
	return slices.DeleteFunc(slices.Clone(seen.Pods), func(p corev1.Pod) bool {
		if p.Status.PodIP == "" || !p.DeletionTimestamp.IsZero() || servingpod.Finished(&p) {
			return true
		}
		if servingpod.Ready(&p) {
			return !wanted
		}
		return servingpod.SidecarStart(&p).IsZero()
	})
}

// confirmationsMatter is false in the steady state only: one version, which is the wanted one, and no candidate.
func confirmationsMatter(obj *v1alpha1.TryOnDeployment, seen *Observed) bool {
	if seen.Control.Generation == 0 || seen.Control.Candidate != nil || seen.Control.Shadow != nil || len(seen.Deployments) != 1 {
		return true
	}
	stable := seen.Deployments[0].Labels[names.LabelModelVersion]
	for i := range seen.Pods {
		if seen.Pods[i].Labels[names.LabelModelVersion] != stable {
			return true
		}
	}
	return resolve(obj, seen).Version != stable
}

func (r *Reconciler) court() *judging.Court {
	return &judging.Court{
		Live: r.Live, Applier: r.Runner.Applier, Pods: r.Pods, Clock: r.Clock, Pace: &r.collecting,
		Replays: &replayjob.Jobs{Client: r.Client, Run: r.Runner, Serving: r.Serving},
	}
}

// judgingOf is what a judgement has to know of this look. A version that is not tried again is not judged either: its verdict stands, and
// its evidence is read once more, for the report.
func judgingOf(obj *v1alpha1.TryOnDeployment, seen *Observed) judging.Look {
	wanted, stable := resolve(obj, seen).Version, routed(seen)
	if _, rejected := rejectedOf(obj, seen)[wanted]; rejected {
		wanted = ""
	}
	return judging.Look{
		Wanted:  serving.Version{Name: wanted, Weights: weightsOf(seen, obj.Name, wanted)},
		Stable:  serving.Version{Name: stable, Weights: weightsOf(seen, obj.Name, stable)},
		Record:  newest(seen.Versions, func(v *v1alpha1.TryOnModelVersion) bool { return v.Name == stable }),
		Control: seen.Control, Built: seen.Built, Pods: seen.Pods, Reports: seen.Reports,
	}
}

// observeReport looks for the report of a judgement that has ended. What it cannot read is said, and holds nothing up.
func (r *Reconciler) observeReport(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed) {
	compared := ""
	if seen.Control.Shadow != nil {
		compared = seen.Control.Shadow.Epoch
	}
	if end := reporting.Ended(obj, compared, r.Clock.Now()); end != nil {
		found := reporting.Evidence{End: end, Versions: seen.Versions}
		found.Ledger, found.Unread = r.court().Ledger(ctx, obj)
		seen.Report = reporting.Observe(ctx, r.Runner, obj, found)
	}
}
