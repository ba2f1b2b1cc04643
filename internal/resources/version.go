package resources

import (
	"fmt"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/internal/task"
)

// ResourceGPU is the extended resource of NVIDIA's device plugin.
const ResourceGPU corev1.ResourceName = "nvidia.com/gpu"

// StageInput is what a stage's pod needs to know.
type StageInput struct {
	Stage   v1alpha1.MethodStage
	Dataset v1alpha1.TryOnDatasetVersionSpec
	Init    []plan.Parent
	Freeze  []plan.Parent
}

// Nodes is the number of pods of a stage, at least 1.
func Nodes(s v1alpha1.MethodStage) int32 { return max(1, s.Nodes) }

// GPUs is the number of GPUs of each pod of a stage.
func GPUs(s v1alpha1.MethodStage) int32 { return ptr.Deref(s.GPUsPerNode, 0) }

// stageGrace is how long a stopped stage may take, in seconds: the wrapper gives the command 20 s, then uploads its last checkpoint.
const stageGrace int64 = 120

// MakeStagePod builds the pod of a training stage: the trainer's image, with the worker binary brought in by an init container and
// run as a wrapper around the stage's command.
func (c Config) MakeStagePod(w Work, in StageInput) (corev1.PodTemplateSpec, error) {
	src, err := resolve(in.Dataset.Source, in.Dataset.Layout)
	if err != nil {
		return corev1.PodTemplateSpec{}, err
	}
	health, err := healthOf(in.Stage.HealthChecks)
	if err != nil {
		return corev1.PodTemplateSpec{}, err
	}
	p := &pod{}
	c.Store.mount(p)
	src.mount(p)
	p.emptyDir("scratch", "")
	p.emptyDir("tryon-bin", "")
	bin := corev1.VolumeMount{Name: "tryon-bin", MountPath: binDir}
	p.inits = []corev1.Container{c.plainWorker(names.ContainerInstall, []string{"/tryon-worker", "install", binDir}, bin)}

	command := append([]string{binDir + "/tryon-worker", "train", "--"}, in.Stage.Command...)
	p.worker = container(string(w.Kind), in.Stage.Image, command,
		corev1.VolumeMount{Name: "scratch", MountPath: scratchDir},
		corev1.VolumeMount{Name: "tryon-bin", MountPath: binDir, ReadOnly: true})
	c.Store.open(&p.worker, false)
	src.open(&p.worker)
	p.worker.Env = append(p.worker.Env, corev1.EnvVar{Name: "PYTHONUNBUFFERED", Value: "1"})
	p.worker.Ports = []corev1.ContainerPort{{Name: "progress", ContainerPort: names.PortProgress}}
	p.worker.Resources = stageResources(in.Stage)
	if GPUs(in.Stage) > 0 {
		// Data loaders hand tensors over through shared memory, of which a container has 64 MiB by default.
		p.emptyDir("shm", corev1.StorageMediumMemory)
		p.worker.VolumeMounts = append(p.worker.VolumeMounts, corev1.VolumeMount{Name: "shm", MountPath: "/dev/shm"})
	}
	err = withTask(&p.worker, task.Train{
		Key: string(w.Key), Store: c.Store.URI, Stage: in.Stage.Name, Source: src.task, Digest: string(in.Dataset.Digest),
		Init: taskParents(in.Init), Freeze: taskParents(in.Freeze), Params: in.Stage.Params, Health: health,
		Nodes: Nodes(in.Stage), GPUs: GPUs(in.Stage), Scratch: scratchDir,
		ProgressAddress: ":" + strconv.Itoa(names.PortProgress),
	})
	template := p.make(w)
	template.Spec.TerminationGracePeriodSeconds = ptr.To(stageGrace)
	return template, err
}

// MakeEvaluation builds the Job that asks a serving runtime, in the same pod and as it will run in production, and scores its answers.
func (c Config) MakeEvaluation(w Work, dataset v1alpha1.TryOnDatasetVersionSpec, weights v1alpha1.Digest, evaluation v1alpha1.EvaluationSpec) (*batchv1.Job, error) {
	src, err := resolve(dataset.Source, dataset.Layout)
	if err != nil {
		return nil, err
	}
	p := &pod{}
	c.Store.mount(p)
	src.mount(p)
	p.emptyDir("scratch", "")
	p.emptyDir("weights", "")
	// The pull replaces the folder that it is given by a rename, so it is given one below the mount.
	dir := weightsDir + "/tree"
	pull, err := c.MakePull(weights, dir, corev1.VolumeMount{Name: "weights", MountPath: weightsDir})
	if err != nil {
		return nil, err
	}
	p.inits = []corev1.Container{pull, c.runtimeContainer(dir, evaluation.Resources)}
	p.worker = c.workerContainer(w.Kind, "evaluate", evaluatorDemand.with(nil))
	src.open(&p.worker)
	err = withTask(&p.worker, task.Evaluate{
		Key: string(w.Key), Store: c.Store.URI, Source: src.task, Digest: string(dataset.Digest), Weights: string(weights),
		Runtime: fmt.Sprintf("http://127.0.0.1:%d", names.PortRuntime), MaxCases: evaluation.MaxCases, Scratch: scratchDir, Title: w.ModelVersion,
	})
	return MakeJob(w, p.make(w)), err
}

// MakePublish builds the Job that puts the servable weights together. The task's key, store and scratch folder are filled in.
func (c Config) MakePublish(w Work, t task.Publish) (*batchv1.Job, error) {
	p := &pod{}
	c.Store.mount(p)
	p.emptyDir("scratch", "")
	p.worker = c.workerContainer(w.Kind, "publish", publishDemand.with(nil))
	t.Key, t.Store, t.Scratch = string(w.Key), c.Store.URI, scratchDir
	err := withTask(&p.worker, t)
	return MakeJob(w, p.make(w)), err
}

// workerContainer is a worker with a scratch folder that writes to the store.
func (c Config) workerContainer(of Kind, subcommand string, demands corev1.ResourceRequirements) corev1.Container {
	worker := container(string(of), c.WorkerImage, []string{"/tryon-worker", subcommand}, corev1.VolumeMount{Name: "scratch", MountPath: scratchDir})
	give(&worker, demands)
	c.Store.open(&worker, false)
	return worker
}

// plainWorker is a worker that takes what workers take.
func (c Config) plainWorker(name string, command []string, mounts ...corev1.VolumeMount) corev1.Container {
	worker := container(name, c.WorkerImage, command, mounts...)
	give(&worker, worker.Resources)
	return worker
}

// runtimeContainer is a native sidecar: the kubelet starts it before the evaluator and stops it after.
func (c Config) runtimeContainer(dir string, wanted *v1alpha1.ResourceRequirements) corev1.Container {
	runtime := container(names.ContainerRuntime, c.RuntimeImage, []string{
		"/tryon-runtime", "--model-dir", dir, "--listen", fmt.Sprintf("127.0.0.1:%d", names.PortRuntime), "--ort", "/usr/lib/libonnxruntime.so",
	}, corev1.VolumeMount{Name: "weights", MountPath: weightsDir, ReadOnly: true})
	runtime.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	runtime.StartupProbe = &corev1.Probe{
		ProbeHandler:     corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/tryon-runtime", "health"}}},
		PeriodSeconds:    2,
		TimeoutSeconds:   5,
		FailureThreshold: 150,
	}
	runtime.Resources = serverDemand.with(wanted)
	runtime.Command = append(runtime.Command, RuntimeThreads(runtime.Resources)...)
	return runtime
}

func stageResources(s v1alpha1.MethodStage) corev1.ResourceRequirements {
	out := corev1.ResourceRequirements{}
	if s.Resources != nil {
		out.Requests, out.Limits = s.Resources.Requests.DeepCopy(), s.Resources.Limits.DeepCopy()
	}
	if GPUs(s) > 0 {
		if out.Limits == nil {
			out.Limits = corev1.ResourceList{}
		}
		// Extended resources are set as limits only; the request follows.
		out.Limits[ResourceGPU] = *resource.NewQuantity(int64(GPUs(s)), resource.DecimalSI)
	}
	return out
}

func healthOf(checks []v1alpha1.HealthCheck) ([]task.HealthCheck, error) {
	var out []task.HealthCheck
	for _, c := range checks {
		lower, err := float(c.Min)
		if err != nil {
			return nil, fmt.Errorf("health check of %s: %w", c.Metric, err)
		}
		upper, err := float(c.Max)
		if err != nil {
			return nil, fmt.Errorf("health check of %s: %w", c.Metric, err)
		}
		out = append(out, task.HealthCheck{Metric: c.Metric, Min: lower, Max: upper, AfterStep: c.AfterStep})
	}
	return out, nil
}

func float(d *v1alpha1.Decimal) (*float64, error) {
	if d == nil {
		return nil, nil
	}
	v, err := strconv.ParseFloat(string(*d), 64)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number: %w", *d, err)
	}
	return &v, nil
}

func taskParents(parents []plan.Parent) []task.Parent {
	var out []task.Parent
	for _, p := range parents {
		out = append(out, task.Parent{Stage: p.Stage, Weights: string(p.Weights)})
	}
	return out
}
