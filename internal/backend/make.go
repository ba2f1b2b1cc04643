package backend

import (
	kubeflow "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Make wraps a stage's pod into the object of a backend that Choose gave.
func Make(kind v1alpha1.Backend, w resources.Work, template corev1.PodTemplateSpec, nodes int32) client.Object {
	if kind == v1alpha1.BackendPyTorchJob {
		return makePyTorchJob(w, template, nodes)
	}
	return resources.MakeJob(w, template)
}

// makePyTorchJob gives one master and nodes-1 workers. ExitCode restarts pods that were taken away (codes of 128 and above, and
// evictions, which have none) and fails the job when the wrapper says so with a 1.
func makePyTorchJob(w resources.Work, template corev1.PodTemplateSpec, nodes int32) *kubeflow.PyTorchJob {
	job := &kubeflow.PyTorchJob{
		ObjectMeta: w.Meta(),
		Spec: kubeflow.PyTorchJobSpec{
			RunPolicy: kubeflow.RunPolicy{
				// Finished pods stay for their reports; only pods that still run are cleaned up.
				CleanPodPolicy:          ptr.To(kubeflow.CleanPodPolicyRunning),
				TTLSecondsAfterFinished: ptr.To[int32](resources.KeepSeconds),
				BackoffLimit:            ptr.To[int32](resources.BackoffLimit),
			},
			PyTorchReplicaSpecs: map[kubeflow.ReplicaType]*kubeflow.ReplicaSpec{
				kubeflow.PyTorchJobReplicaTypeMaster: replica(template, 1),
			},
		},
	}
	if nodes > 1 {
		job.Spec.PyTorchReplicaSpecs[kubeflow.PyTorchJobReplicaTypeWorker] = replica(template, nodes-1)
	}
	return job
}

func replica(template corev1.PodTemplateSpec, n int32) *kubeflow.ReplicaSpec {
	return &kubeflow.ReplicaSpec{Replicas: ptr.To(n), RestartPolicy: kubeflow.RestartPolicyExitCode, Template: *template.DeepCopy()}
}
