package backend

import (
	kubeflow "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Make wraps a stage's pod into the object of a backend that Choose gave.
func Make(kind v1alpha1.Backend, w resources.Work, template corev1.PodTemplateSpec, nodes int32) client.Object {
	if kind == v1alpha1.BackendPyTorchJob {
		return makePyTorchJob(w, template, nodes)
	}
	return resources.MakeJob(w, template)
}

// makePyTorchJob gives one master and nodes-1 workers. The first pod that fails ends it, and Decide says what follows: the ranks of a
// stage cannot go on without each other, and the training-operator (v1.8.1) would not count. Its ExitCode restarts a pod of any code
// of 128 and above for ever, 137 of a lack of memory included: its backoffLimit sums the restarts of containers, and such a pod has
// none, because it is deleted and made anew. A backoffLimit of 0 does end the job, but takes the pod that says why along.
func makePyTorchJob(w resources.Work, template corev1.PodTemplateSpec, nodes int32) *kubeflow.PyTorchJob {
	job := &kubeflow.PyTorchJob{
		ObjectMeta: w.Meta(),
		Spec: kubeflow.PyTorchJobSpec{
			RunPolicy: kubeflow.RunPolicy{
				// Finished pods stay for their reports; only pods that still run are cleaned up.
				CleanPodPolicy:          ptr.To(kubeflow.CleanPodPolicyRunning),
				TTLSecondsAfterFinished: ptr.To[int32](resources.KeepSeconds),
			},
			PyTorchReplicaSpecs: map[kubeflow.ReplicaType]*kubeflow.ReplicaSpec{
				kubeflow.PyTorchJobReplicaTypeMaster: replica(w, template, 1),
			},
		},
	}
	if nodes > 1 {
		job.Spec.PyTorchReplicaSpecs[kubeflow.PyTorchJobReplicaTypeWorker] = replica(w, template, nodes-1)
	}
	return job
}

func replica(w resources.Work, template corev1.PodTemplateSpec, n int32) *kubeflow.ReplicaSpec {
	template = *template.DeepCopy()
	for i := range template.Spec.Containers {
		if c := &template.Spec.Containers[i]; c.Name == string(w.Kind) {
			c.Name = names.ContainerPyTorch
		}
	}
	return &kubeflow.ReplicaSpec{Replicas: ptr.To(n), RestartPolicy: kubeflow.RestartPolicyNever, Template: template}
}
