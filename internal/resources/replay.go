package resources

import (
	"fmt"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/task"
)

// replaySeconds bounds a replay: a candidate that never starts would keep its pod for ever.
const replaySeconds int64 = 6 * 3600

// ReplayInput is what the pod of a replay needs to know.
type ReplayInput struct {
	// Task with everything but what the pod's own places are: key, store, source, folders and addresses.
	Task task.Replay
	// Stable and Candidate are the digests of the trees that are served.
	Stable, Candidate v1alpha1.Digest
	// Dataset is the one that the stable version was trained on.
	Dataset v1alpha1.TryOnDatasetVersionSpec
	// RuntimeImage and Resources of each of the two model servers.
	RuntimeImage string
	Resources    corev1.ResourceRequirements
	// Capture is the folder whose requests are put as well.
	Capture Capture
}

// MakeReplay builds the Job that puts known requests to two versions in turn. Both run beside it in its pod, on the loopback interface.
func (c Config) MakeReplay(w Work, in ReplayInput) (*batchv1.Job, error) {
	src, err := resolve(in.Dataset.Source, in.Dataset.Layout)
	if err != nil {
		return nil, err
	}
	p := &pod{volumes: in.Capture.Volumes()}
	c.Store.mount(p)
	src.mount(p)
	p.emptyDir("weights", "")
	weights := corev1.VolumeMount{Name: "weights", MountPath: weightsDir}
	t := in.Task
	t.Key, t.Store, t.Source, t.Digest, t.Capture = string(w.Key), c.Store.URI, src.task, string(in.Dataset.Digest), in.Capture.Task()
	for i, side := range []struct {
		of     *task.Side
		name   string
		digest v1alpha1.Digest
	}{{&t.Stable, "stable", in.Stable}, {&t.Candidate, "candidate", in.Candidate}} {
		// A pull replaces its folder by a rename, so each has one of its own below the mount.
		side.of.Weights = weightsDir + "/" + side.name
		address := fmt.Sprintf("127.0.0.1:%d", names.PortRuntime+i)
		side.of.Runtime = "http://" + address
		pull, err := c.MakePull(side.digest, side.of.Weights, weights)
		if err != nil {
			return nil, err
		}
		pull.Name += "-" + side.name
		p.inits = append(p.inits, pull, c.replayRuntime(in, side.name, side.of.Weights, address))
	}
	weights.ReadOnly = true
	p.worker = c.plainWorker(string(w.Kind), []string{"/tryon-worker", "replay"}, weights)
	c.Store.open(&p.worker, true)
	src.open(&p.worker)
	in.Capture.Open(&p.worker)
	if err := withTask(&p.worker, t); err != nil {
		return nil, err
	}
	job := MakeJob(w, p.make(w))
	in.Capture.Sign(&job.Spec.Template.ObjectMeta)
	job.Spec.ActiveDeadlineSeconds = ptr.To(replaySeconds)
	return job, nil
}

// replayRuntime is one of the two model servers, as a native sidecar of the pod.
func (c Config) replayRuntime(in ReplayInput, name, dir, address string) corev1.Container {
	runtime := container(names.ContainerRuntime+"-"+name, in.RuntimeImage, []string{
		"/tryon-runtime", "--model-dir", dir, "--listen", address, "--ort", "/usr/lib/libonnxruntime.so",
		"--request-timeout", in.Task.Timeout().String(),
	}, corev1.VolumeMount{Name: "weights", MountPath: weightsDir, ReadOnly: true})
	runtime.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	runtime.StartupProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/tryon-runtime", "health", "--address", address}}},
		PeriodSeconds: 2, TimeoutSeconds: 5, FailureThreshold: 150,
	}
	runtime.Resources = in.Resources
	runtime.Command = append(runtime.Command, RuntimeThreads(in.Resources)...)
	return runtime
}

// RuntimeThreads are the flags that keep a model server to its limit of CPUs. By itself it would take two threads at least, of which one
// would use up the time of the other.
func RuntimeThreads(demands corev1.ResourceRequirements) []string {
	limit := demands.Limits.Cpu()
	if limit.IsZero() {
		return nil
	}
	return []string{"--intra-op-threads", strconv.FormatInt(limit.Value(), 10)}
}
