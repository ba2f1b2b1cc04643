//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	kftraining "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/internal/names"
)

const twoNodes = `
apiVersion: tryon.braincreators.com/v1alpha1
kind: TryOnModel
metadata:
  name: together
spec:
  method:
    name: pf-afn-demo
  dataset:
    source:
      uri: pvc://vton-demo/tops
    license: CC0-1.0
  training:
    backend: PyTorchJob
    stages:
    - name: pb-warp
      nodes: 2
      params: {steps: "8", batchSize: "4", checkpointEvery: "4", threads: "1", seed: "SEED"}
`

// newSeed makes a stage of its own: one that the artefact store has already is not trained again.
func newSeed() string { return strconv.FormatInt(time.Now().Unix()%1_000_000, 10) }

// TestTwoNodesTrainAStageTogether runs a master and a worker pod under the real training-operator, in a namespace that enforces the
// restricted Pod Security Standard. The trainer's pods meet over torch.distributed; a stage whose pods do not meet ends in no output.
func TestTwoNodesTrainAStageTogether(t *testing.T) {
	k := cluster(t)
	if err := k.ApplyYAML(t.Context(), []byte(strings.Replace(twoNodes, "SEED", newSeed(), 1))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, k, named(&v1alpha1.TryOnModel{}, "together")) })
	version := named(&v1alpha1.TryOnModelVersion{}, names.ModelVersion("together", 1))
	await(t, k, version, 5*time.Minute, func(v *v1alpha1.TryOnModelVersion) (bool, error) {
		if _, reason, message := kube.Readiness(v.Generation, v.Status.Conditions); reason == v1alpha1.ReasonTrainingFailed {
			return false, fmt.Errorf("%s: %s", reason, message)
		}
		return len(v.Status.Stages) > 0 && v.Status.Stages[0].State == v1alpha1.StageSucceeded, nil
	})
	if steps := ptr.Deref(version.Status.Stages[0].Steps, 0); steps != 8 {
		t.Errorf("stage pb-warp took %d steps, want 8", steps)
	}
	var jobs kftraining.PyTorchJobList
	selector := client.MatchingLabels{names.LabelModelVersion: version.Name, names.LabelStage: "pb-warp"}
	if err := newTrainingClient(t).List(t.Context(), &jobs, client.InNamespace(kube.Namespace), selector); err != nil || len(jobs.Items) != 1 {
		t.Fatalf("%d PyTorchJobs of stage pb-warp (%v), want 1", len(jobs.Items), err)
	}
	for _, role := range []kftraining.ReplicaType{kftraining.PyTorchJobReplicaTypeMaster, kftraining.PyTorchJobReplicaTypeWorker} {
		if replicas := jobs.Items[0].Spec.PyTorchReplicaSpecs[role]; replicas == nil || ptr.Deref(replicas.Replicas, 0) != 1 {
			t.Errorf("PyTorchJob has no single %s: %+v", role, replicas)
		}
	}
}
