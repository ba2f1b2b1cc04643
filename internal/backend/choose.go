package backend

import (
	"errors"
	"fmt"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// ErrUnavailable says that the chosen backend is not served here, or cannot do what a stage asks for.
var ErrUnavailable = errors.New("backend unavailable")

const installHint = "install the Kubeflow training-operator v1 (kubectl apply -k github.com/kubeflow/training-operator/manifests/overlays/standalone?ref=v1.8.1)"

// Choose gives the backend of a stage: Job or PyTorchJob. served tells whether the cluster has PyTorchJobs. Every error wraps
// ErrUnavailable and says what to do.
func Choose(wanted v1alpha1.Backend, stage v1alpha1.MethodStage, served bool) (v1alpha1.Backend, error) {
	nodes := resources.Nodes(stage)
	switch {
	case wanted == v1alpha1.BackendPyTorchJob && !served:
		return "", fmt.Errorf("%w: the cluster does not serve PyTorchJob; %s or set training.backend to Job", ErrUnavailable, installHint)
	case wanted == v1alpha1.BackendJob && nodes > 1:
		return "", fmt.Errorf("%w: stage %s asks for %d nodes, and a plain Job runs one; %s and set training.backend to Auto, or set nodes to 1",
			ErrUnavailable, stage.Name, nodes, installHint)
	case nodes > 1 && !served:
		return "", fmt.Errorf("%w: stage %s asks for %d nodes, which needs PyTorchJob; %s, or set nodes to 1", ErrUnavailable, stage.Name, nodes, installHint)
	case wanted == v1alpha1.BackendPyTorchJob, wanted != v1alpha1.BackendJob && served && (nodes > 1 || resources.GPUs(stage) > 0):
		return v1alpha1.BackendPyTorchJob, nil
	}
	return v1alpha1.BackendJob, nil
}
