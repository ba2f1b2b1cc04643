package runner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	kubeflow "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/metrics"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Runner reads and starts work.
type Runner struct {
	// Cached reads Jobs and pods from the manager's cache, which holds those with our label only.
	Cached client.Reader
	// Live reads what is not cached: claims, events and PyTorchJobs, whose kind may not exist.
	Live    client.Reader
	Writer  client.Writer
	Applier *apply.Applier
	Config  resources.Config
	// Clock paces the reading of events; nil is the real one.
	Clock clock.PassiveClock

	silences silences
}

// job is an object that work runs in, and how it is read with its pods.
type job struct {
	object client.Object
	kind   string
	read   func(pods []corev1.Pod) backend.Run
}

// Jobs lists what runs as plain Jobs under the given labels and is controlled by owner.
func (r *Runner) Jobs(ctx context.Context, owner client.Object, labels client.MatchingLabels) ([]backend.Run, error) {
	var list batchv1.JobList
	if err := r.Cached.List(ctx, &list, client.InNamespace(owner.GetNamespace()), labels); err != nil {
		return nil, fmt.Errorf("listing jobs: %w", err)
	}
	var jobs []job
	for i := range list.Items {
		j := &list.Items[i]
		jobs = append(jobs, job{j, "Job", func(pods []corev1.Pod) backend.Run { return backend.FromJob(j, pods) }})
	}
	return r.read(ctx, owner, labels, jobs)
}

// PyTorchJobs lists what runs as PyTorchJobs under the given labels and is controlled by owner, and tells whether the cluster serves
// them now. They may be installed and uninstalled while the manager runs, and a mapping that was once found is kept for ever: only the
// cluster's answer to this list, which is asked for anyway, tells that they are gone.
func (r *Runner) PyTorchJobs(ctx context.Context, owner client.Object, labels client.MatchingLabels) (runs []backend.Run, served bool, err error) {
	var list kubeflow.PyTorchJobList
	err = r.Live.List(ctx, &list, client.InNamespace(owner.GetNamespace()), labels)
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("listing PyTorchJobs: %w", err)
	}
	var jobs []job
	for i := range list.Items {
		j := &list.Items[i]
		jobs = append(jobs, job{j, kubeflow.PyTorchJobKind, func(pods []corev1.Pod) backend.Run { return backend.FromPyTorchJob(j, pods) }})
	}
	runs, err = r.read(ctx, owner, labels, jobs)
	return runs, true, err
}

// read reads those of the jobs that owner controls, with their pods and what the events say where pods are missing.
func (r *Runner) read(ctx context.Context, owner client.Object, labels client.MatchingLabels, jobs []job) ([]backend.Run, error) {
	pods, err := r.pods(ctx, owner.GetNamespace(), labels)
	if err != nil {
		return nil, err
	}
	var runs []backend.Run
	for _, j := range jobs {
		if !metav1.IsControlledBy(j.object, owner) {
			continue
		}
		run := j.read(controlledBy(pods, j.object))
		if err := r.explainSilence(ctx, &run, j.object, j.kind); err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func (r *Runner) pods(ctx context.Context, namespace string, labels client.MatchingLabels) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := r.Cached.List(ctx, &pods, client.InNamespace(namespace), labels); err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	return pods.Items, nil
}

func controlledBy(pods []corev1.Pod, owner metav1.Object) []corev1.Pod {
	var own []corev1.Pod
	for i := range pods {
		if metav1.IsControlledBy(&pods[i], owner) {
			own = append(own, pods[i])
		}
	}
	return own
}

// explainSilence reads why a Job lacks a pod. Quota and admission refuse pods before they exist, and the Job controller says so in
// an event only.
func (r *Runner) explainSilence(ctx context.Context, run *backend.Run, job client.Object, kind string) error {
	if !run.Silent {
		return nil
	}
	now := cmp.Or[clock.PassiveClock](r.Clock, clock.RealClock{}).Now()
	trouble, known := r.silences.recall(job, run.LastPod, now)
	if !known {
		last, err := r.lastRefusal(ctx, run.LastPod, job, kind)
		if err != nil {
			return err
		}
		if last != nil {
			trouble = podwatch.Refusal(last.Message, job.GetLabels())
		}
		r.silences.keep(job, silence{version: job.GetResourceVersion(), lastPod: run.LastPod, trouble: trouble, readAt: now})
	}
	if trouble.Reason != "" {
		run.Trouble = trouble
	}
	return nil
}

// The events of one Job are read in pages, because the API server gives the oldest first and the newest matters.
const (
	eventsPerPage = 100
	maxEventPages = 20
)

// lastRefusal gives the newest event that says why no pod of a Job could be created; nil when there is none. What was refused before
// a pod was created has been allowed since.
func (r *Runner) lastRefusal(ctx context.Context, since time.Time, job client.Object, kind string) (*corev1.Event, error) {
	var last *corev1.Event
	var list corev1.EventList
	for range maxEventPages {
		next := list.Continue
		list = corev1.EventList{}
		err := r.Live.List(ctx, &list, client.InNamespace(job.GetNamespace()), client.Limit(eventsPerPage), client.Continue(next),
			client.MatchingFields{"involvedObject.name": job.GetName(), "involvedObject.kind": kind, "type": corev1.EventTypeWarning})
		if err != nil {
			return nil, fmt.Errorf("listing events of %s %s: %w", kind, job.GetName(), err)
		}
		for i := range list.Items {
			e := &list.Items[i]
			refusal := strings.HasPrefix(e.Reason, "FailedCreate") && e.InvolvedObject.UID == job.GetUID() && !e.LastTimestamp.Time.Before(since)
			if refusal && (last == nil || e.LastTimestamp.After(last.LastTimestamp.Time)) {
				last = e
			}
		}
		if list.Continue == "" {
			break
		}
	}
	return last, nil
}

// Start applies a Job of any backend as a child of owner, after making sure that the store's claim exists.
func (r *Runner) Start(ctx context.Context, owner, job client.Object) error {
	if err := r.ensureClaim(ctx, owner.GetNamespace()); err != nil {
		return err
	}
	if err := stamp(job); err != nil {
		return err
	}
	if err := r.Applier.Apply(ctx, owner, job); err != nil {
		return err
	}
	if attempt, err := resources.ParseAttempt(job.GetAnnotations()[names.AnnotationAttempt]); err == nil && attempt.Number+attempt.Disruptions > 0 {
		metrics.JobRetried(resources.Kind(job.GetLabels()[names.LabelWork]))
	}
	return nil
}

// Renew deletes the Job of a run that has not begun where job, which is what it would be now, differs from what it was made from:
// Jobs are immutable, and one that waits for a node that nobody asks for any more waits for ever. The next pass makes it anew.
func (r *Runner) Renew(ctx context.Context, run backend.Run, job client.Object) error {
	if err := stamp(job); err != nil {
		return err
	}
	if job.GetAnnotations()[names.AnnotationBuilt] == run.Built {
		return nil
	}
	return r.Stop(ctx, job.GetNamespace(), run)
}

// stamp records on a Job what it is made from.
func stamp(job client.Object) error {
	var spec any
	switch j := job.(type) {
	case *batchv1.Job:
		spec = j.Spec
	case *kubeflow.PyTorchJob:
		spec = j.Spec
	}
	body, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("encoding spec of %s: %w", job.GetName(), err)
	}
	sum := sha256.Sum256(body)
	annotations := job.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[names.AnnotationBuilt] = hex.EncodeToString(sum[:])
	job.SetAnnotations(annotations)
	return nil
}

// Stop deletes the Job that was seen, and its pods. One that is gone already is fine, and so is one that stands under its name since:
// names are derived from what is to be done, so the next pass, or somebody else, has made it, and its watch leads to the next look.
// The version of the Job is no condition: that its status moved on since does not make it wanted again.
func (r *Runner) Stop(ctx context.Context, namespace string, run backend.Run) error {
	var job client.Object = &batchv1.Job{}
	if run.Kind == v1alpha1.BackendPyTorchJob {
		job = &kubeflow.PyTorchJob{}
	}
	job.SetNamespace(namespace)
	job.SetName(run.Name)
	err := r.Writer.Delete(ctx, job, client.Preconditions{UID: &run.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return fmt.Errorf("deleting %s %s: %w", run.Kind, run.Name, err)
}

// ensureClaim makes the store's claim where it is missing. One that exists is used as it is, whoever made it.
func (r *Runner) ensureClaim(ctx context.Context, namespace string) error {
	claim := r.Config.Store.MakeClaim(namespace)
	if claim == nil {
		return nil
	}
	err := r.Live.Get(ctx, client.ObjectKeyFromObject(claim), &corev1.PersistentVolumeClaim{})
	if err == nil {
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading claim %s: %w", claim.Name, err)
	}
	return r.Applier.ApplyShared(ctx, claim)
}
