package backend

import (
	"cmp"
	"slices"
	"time"

	kubeflow "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// State says where one Job stands.
type State string

const (
	// Waiting: no pod runs yet.
	Waiting State = "Waiting"
	// Running: a pod runs.
	Running State = "Running"
	// Reported: the work is done and its report was read; the verdict is Passed or Failed.
	Reported State = "Reported"
	// Unreported: the Job says that it is done, but no pod with a report is to be seen (yet).
	Unreported State = "Unreported"
	// Errored: the work could not be done; the Job has given up.
	Errored State = "Errored"
)

// Run is one observed Job or PyTorchJob with its pods.
type Run struct {
	Kind    v1alpha1.Backend
	Name    string
	UID     types.UID
	Work    resources.Kind
	Stage   string
	Key     v1alpha1.Digest
	Attempt resources.Attempt
	State   State
	// Report is set when the state is Reported.
	Report report.Envelope
	// Trouble says why a pod does not start, while the state is Waiting or Running.
	Trouble podwatch.Trouble
	// Message says how the last pod failed, when one did.
	Message string
	// Disrupted is true when the work was interrupted and did not fail by itself: another attempt follows, however many there were.
	Disrupted bool
	// Begun is true once a pod of it has run, and Built is the digest of what it was made from.
	Begun     bool
	Built     string
	CreatedAt time.Time
	// FinishedAt is set for Reported, Unreported and Errored.
	FinishedAt time.Time
	// Address is the IP of the pod that reports, while it runs.
	Address string
	// Silent is true when the Job is under way and lacks a pod: its events may say why. One that is suspended is not to have any.
	Silent bool
	// LastPod is when its youngest pod was created; zero when none is seen. Older events explain nothing any more.
	LastPod time.Time
}

// FromJob reads a Job with its pods.
func FromJob(job *batchv1.Job, pods []corev1.Pod) Run {
	run := newRun(v1alpha1.BackendJob, &job.ObjectMeta)
	end := end{}
	for _, c := range job.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case batchv1.JobComplete:
			end = end.at(true, c.LastTransitionTime, c.Message)
		case batchv1.JobFailed:
			end = end.at(false, c.LastTransitionTime, c.Message)
		}
	}
	run = run.read(end, pods)
	run.Silent = run.Silent && !ptr.Deref(job.Spec.Suspend, false)
	return run
}

// FromPyTorchJob reads a PyTorchJob with the pods of its master; workers have nothing to report.
func FromPyTorchJob(job *kubeflow.PyTorchJob, pods []corev1.Pod) Run {
	run := newRun(v1alpha1.BackendPyTorchJob, &job.ObjectMeta)
	end := end{}
	for _, c := range job.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case kubeflow.JobSucceeded:
			end = end.at(true, c.LastTransitionTime, c.Message)
		case kubeflow.JobFailed:
			end = end.at(false, c.LastTransitionTime, c.Message)
		}
	}
	masters := slices.DeleteFunc(slices.Clone(pods), func(p corev1.Pod) bool {
		return p.Labels[kubeflow.ReplicaTypeLabel] != "master"
	})
	out := run.read(end, masters)
	switch {
	case end.done && end.good:
		return out
	case end.done:
		return out.explain(job, pods)
	}
	if out.Trouble.Reason == "" {
		out.Trouble = podwatch.FindTrouble(pods)
	}
	out.Begun = begun(pods)
	// A master that runs waits for workers that quota or admission may have refused.
	out.Silent = (out.Silent || len(live(pods)) < replicas(job)) && !ptr.Deref(job.Spec.RunPolicy.Suspend, false)
	out.LastPod = youngest(pods)
	return out
}

// explain tells of a PyTorchJob that failed which of its pods was the cause: the others fail because they miss it. Failed pods are
// kept until the job goes, so where one failed and none is left, somebody deleted it: a node was drained, or another pod took its place.
func (r Run) explain(job *kubeflow.PyTorchJob, pods []corev1.Pod) Run {
	kept := 0
	for i := range pods {
		pod := &pods[i]
		if pod.Status.Phase != corev1.PodFailed || pod.DeletionTimestamp != nil {
			continue
		}
		kept++
		switch {
		case podwatch.OutOfMemory(pod):
			r.Disrupted, r.Message = false, podwatch.Failure(pod)
			return r
		case podwatch.Disrupted(pod):
			r.Disrupted, r.Message = true, "it was interrupted: "+podwatch.Failure(pod)
		}
	}
	if kept == 0 && failures(job) > 0 {
		r.Disrupted, r.Message = true, "it was interrupted: one of its pods was deleted"
	}
	return r
}

// failures counts the pods that the training-operator saw fail.
func failures(job *kubeflow.PyTorchJob) int32 {
	var n int32
	for _, s := range job.Status.ReplicaStatuses {
		if s != nil {
			n += s.Failed
		}
	}
	return n
}

// replicas is the number of pods that a PyTorchJob asks for.
func replicas(job *kubeflow.PyTorchJob) int {
	n := 0
	for _, spec := range job.Spec.PyTorchReplicaSpecs {
		if spec != nil {
			n += int(ptr.Deref(spec.Replicas, 1))
		}
	}
	return n
}

// end is how a Job says that it ended.
type end struct {
	done, good bool
	when       time.Time
	message    string
}

func (e end) at(good bool, when metav1.Time, message string) end {
	return end{done: true, good: good, when: when.Time, message: message}
}

func newRun(kind v1alpha1.Backend, meta *metav1.ObjectMeta) Run {
	attempt, err := resources.ParseAttempt(meta.Annotations[names.AnnotationAttempt])
	if err != nil {
		// Somebody edited the annotation: count it as the first attempt, whose successor has a name of its own.
		attempt = resources.Attempt{}
	}
	return Run{
		Kind: kind, Name: meta.Name, UID: meta.UID, Work: resources.Kind(meta.Labels[names.LabelWork]), Stage: meta.Labels[names.LabelStage],
		Key: v1alpha1.Digest(meta.Annotations[names.AnnotationKey]), Attempt: attempt, CreatedAt: meta.CreationTimestamp.Time,
		Built: meta.Annotations[names.AnnotationBuilt],
	}
}

func (r Run) read(e end, pods []corev1.Pod) Run {
	sorted := slices.Clone(pods)
	slices.SortFunc(sorted, func(a, b corev1.Pod) int {
		if c := b.CreationTimestamp.Compare(a.CreationTimestamp.Time); c != 0 {
			return c
		}
		return cmp.Compare(a.Name, b.Name)
	})
	r.Begun = begun(pods)
	if failed := newest(sorted, corev1.PodFailed); failed != nil {
		r.Message = failureOf(failed)
	}
	switch {
	case !e.done:
		return r.readActive(sorted)
	case e.good:
		return r.readDone(e, newest(sorted, corev1.PodSucceeded))
	}
	r.State, r.FinishedAt = Errored, e.when
	if r.Message == "" {
		r.Message = podwatch.Cut(e.message)
	}
	return r
}

func (r Run) readActive(pods []corev1.Pod) Run {
	r.State, r.LastPod = Waiting, youngest(pods)
	alive := live(pods)
	r.Silent = len(alive) == 0
	r.Trouble = podwatch.FindTrouble(alive)
	for i := range alive {
		if alive[i].Status.Phase == corev1.PodRunning && alive[i].DeletionTimestamp == nil {
			r.State, r.Address = Running, alive[i].Status.PodIP
			break
		}
	}
	return r
}

// live leaves out the pods that failed; their successors are on their way.
func live(pods []corev1.Pod) []corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
}

// begun tells whether one of the pods has run.
func begun(pods []corev1.Pod) bool {
	return slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.Status.Phase != corev1.PodPending && p.Status.Phase != "" })
}

func youngest(pods []corev1.Pod) time.Time {
	var created time.Time
	for i := range pods {
		if at := pods[i].CreationTimestamp.Time; at.After(created) {
			created = at
		}
	}
	return created
}

func (r Run) readDone(e end, pod *corev1.Pod) Run {
	r.State, r.FinishedAt = Unreported, e.when
	if pod == nil {
		return r
	}
	message, ok := podwatch.Report(pod)
	if !ok {
		return r
	}
	envelope, err := report.Decode(message)
	switch {
	case err != nil:
		r.State, r.Message = Errored, "its report cannot be read: "+podwatch.Cut(err.Error())
	case envelope.Key != string(r.Key):
		r.State, r.Message = Errored, "its report is about another input: "+podwatch.Cut(envelope.Key)
	case envelope.Verdict == report.Errored:
		r.State, r.Message = Errored, podwatch.Cut(envelope.Message)
	default:
		r.State, r.Report, r.Message = Reported, envelope, podwatch.Cut(envelope.Message)
	}
	return r
}

// failureOf prefers the worker's own words to the kubelet's.
func failureOf(pod *corev1.Pod) string {
	if message, ok := podwatch.Report(pod); ok {
		if envelope, err := report.Decode(message); err == nil && envelope.Message != "" {
			return podwatch.Cut(envelope.Message)
		}
	}
	return podwatch.Failure(pod)
}

func newest(sorted []corev1.Pod, phase corev1.PodPhase) *corev1.Pod {
	for i := range sorted {
		if sorted[i].Status.Phase == phase {
			return &sorted[i]
		}
	}
	return nil
}
