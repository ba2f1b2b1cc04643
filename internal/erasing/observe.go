package erasing

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// Eraser reads and writes what belongs to captured requests.
type Eraser struct {
	client.Client
	Run      *runner.Runner
	Recorder events.EventRecorder
}

// Seen is what one look found: the Jobs that erase, and of the place in the status, where there is one, all else.
type Seen struct {
	// Folder of the deployment in that place, or Unusable, which says why there can be none: then nothing was ever kept there.
	Folder   resources.Capture
	Unusable error
	// Runs are the Jobs that erase, Policy is the NetworkPolicy of their pods, which may outlive them; nil when there is none of ours.
	Runs   []backend.Run
	Policy *networkingv1.NetworkPolicy
	// Users say what keeps the place in use, Serving that a ready serving pod is among them, Waiting are those that are not ready.
	Users   []string
	Serving bool
	Waiting []corev1.Pod
	// Permit is what pods are permitted now, and Store the one beside which the place has to be.
	Permit map[string]string
	Store  resources.Store
	// Jobs are those that use the place and have not ended, Deployments all of the object.
	Jobs        []*batchv1.Job
	Deployments []*appsv1.Deployment
}

// Pass looks, decides, and acts. The plan says what became of it.
func (e *Eraser) Pass(ctx context.Context, tod *v1alpha1.TryOnDeployment, now time.Time) Plan {
	seen, err := e.Observe(ctx, tod)
	if err != nil {
		return Plan{Place: tod.Status.Capture, Ends: true, Err: err}
	}
	return e.Act(ctx, tod, seen, Decide(tod, seen, now))
}

// Observe looks who erases, and who uses the place in the status.
func (e *Eraser) Observe(ctx context.Context, tod *v1alpha1.TryOnDeployment) (*Seen, error) {
	seen := &Seen{Store: e.Run.Config.Store}
	var err error
	if seen.Runs, err = e.Run.Jobs(ctx, tod, client.MatchingLabels(resources.EraseSelector(tod.Name))); err != nil {
		return nil, err
	}
	policy := &networkingv1.NetworkPolicy{}
	switch err := e.Get(ctx, client.ObjectKeyFromObject(serving.MakeErasePolicy(tod)), policy); {
	case client.IgnoreNotFound(err) != nil:
		return nil, fmt.Errorf("reading NetworkPolicy of erasing: %w", err)
	case err == nil && metav1.IsControlledBy(policy, tod):
		seen.Policy = policy
	}
	if tod.Status.Capture == nil {
		return seen, nil
	}
	looks := []func(context.Context, *v1alpha1.TryOnDeployment, *Seen) error{e.deployments, e.jobs, e.pods, e.permit}
	if seen.Folder, seen.Unusable = resources.CaptureIn(tod, *tod.Status.Capture); seen.Unusable != nil {
		looks = nil
	}
	for _, look := range looks {
		if err := look(ctx, tod, seen); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// deployments use a place while their template has its mark, and while they roll: until then old pods may come back.
func (e *Eraser) deployments(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen) error {
	var list appsv1.DeploymentList
	if err := e.List(ctx, &list, client.InNamespace(tod.Namespace), client.MatchingLabels{names.LabelDeployment: names.LabelValue(tod.Name)}); err != nil {
		return fmt.Errorf("listing Deployments that capture: %w", err)
	}
	for i := range list.Items {
		d := &list.Items[i]
		if !metav1.IsControlledBy(d, tod) {
			continue
		}
		seen.Deployments = append(seen.Deployments, d)
		rolling := d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas < d.Status.Replicas
		if seen.marked(&d.Spec.Template.ObjectMeta) || rolling || !tod.DeletionTimestamp.IsZero() {
			seen.Users = append(seen.Users, "Deployment "+d.Name)
		}
	}
	return nil
}

func (e *Eraser) jobs(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen) error {
	var list batchv1.JobList
	if err := e.List(ctx, &list, client.InNamespace(tod.Namespace)); err != nil {
		return fmt.Errorf("listing Jobs that use captured requests: %w", err)
	}
	for i := range list.Items {
		if job := &list.Items[i]; seen.marked(&job.Spec.Template.ObjectMeta) && !ended(job) {
			seen.Jobs = append(seen.Jobs, job)
			seen.Users = append(seen.Users, "Job "+job.Name)
		}
	}
	return nil
}

func ended(job *batchv1.Job) bool {
	return slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
}

// pods use the place whoever owns them by now. One on a node that is gone may still write: only its end counts.
func (e *Eraser) pods(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen) error {
	var list corev1.PodList
	if err := e.List(ctx, &list, client.InNamespace(tod.Namespace)); err != nil {
		return fmt.Errorf("listing pods that capture: %w", err)
	}
	for i := range list.Items {
		if pod := &list.Items[i]; seen.marked(&pod.ObjectMeta) && !servingpod.Finished(pod) {
			seen.Users = append(seen.Users, "pod "+pod.Name)
			switch {
			case pod.Labels[names.LabelDeployment] == "":
			case servingpod.Ready(pod):
				seen.Serving = true
			default:
				seen.Waiting = append(seen.Waiting, *pod)
			}
		}
	}
	return nil
}

// permit of pods that keep requests. One that is not seen yet is written once more.
func (e *Eraser) permit(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen) error {
	permit := &corev1.ConfigMap{}
	err := e.Get(ctx, client.ObjectKeyFromObject(serving.MakeCapturePermit(tod, seen.Folder)), permit)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading permit of captured requests: %w", err)
	}
	seen.Permit = permit.Data
	return nil
}

// remains says whether there is something left of erasing.
func (s *Seen) remains() bool { return len(s.Runs) > 0 || s.Policy != nil }

func (s *Seen) marked(meta *metav1.ObjectMeta) bool {
	return meta.Annotations[names.AnnotationCaptures] == s.Folder.Mark
}
