//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kftraining "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/hack/shoppers"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// TestASecondVersionSurvivesKillsAndRollsOutWithoutAFailedRequest trains a second version under the real training-operator, kills its
// training pod after a checkpoint, then the manager and the whole cluster, and watches the deployment move to it while shoppers keep asking.
func TestASecondVersionSurvivesKillsAndRollsOutWithoutAFailedRequest(t *testing.T) {
	k := cluster(t)
	before := get(t, k, &v1alpha1.TryOnDeployment{}, "storefront")
	first := before.Status.Stable
	judgeErrorsInShadow(t, k)
	// What this version scores is not the question here: its last stage is short, its gate lets it pass, and its seed is new.
	applySample(t, k, "second-version.yaml", "  training:\n", "  training:\n    backend: PyTorchJob\n", `steps: "450"`, "steps: \"210\"\n        checkpointEvery: \"50\"\n        seed: \""+newSeed()+"\"", `minGain: "0.15"`, `minGain: "-1"`)
	second := names.ModelVersion("tops", get(t, k, &v1alpha1.TryOnModelVersion{}, first).Spec.Version+1)

	awaitProgress(t, k, second, 55)
	killTrainingPod(t, k, second)
	killManager(t, k)
	awaitProgress(t, k, second, 80)
	killCluster(t)

	version := named(&v1alpha1.TryOnModelVersion{}, second)
	await(t, k, version, 20*time.Minute, func(v *v1alpha1.TryOnModelVersion) (bool, error) {
		ready, reason, message := kube.Readiness(v.Generation, v.Status.Conditions)
		if reason == v1alpha1.ReasonTrainingFailed || reason == v1alpha1.ReasonGateFailed {
			return false, fmt.Errorf("%s: %s", reason, message)
		}
		// The shoppers come before the version is ready, but do not compete with its training.
		return ready || conditionIsTrue(v.Status.Conditions, v1alpha1.ConditionTrainingCompleted), nil
	})
	checkStages(t, version)
	person, garment := photos(t)
	crowd := shoppers.Start(t.Context(), k, "storefront", 500*time.Millisecond, []shoppers.Wish{{Person: person, Garment: garment}})

	await(t, k, named(&v1alpha1.TryOnDeployment{}, "storefront"), 10*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
		return d.Status.Stable == second && d.Status.Candidate == nil && conditionIsTrue(d.Status.Conditions, v1alpha1.ConditionRolledOut), nil
	})
	if err := crowd.Stop(); err != nil {
		t.Error(err)
	}
	checkJudgement(t, k, second)
	if crowd.Sent.Load() < 20 {
		t.Errorf("only %d requests were sent during the rollout", crowd.Sent.Load())
	}
	t.Logf("%d requests, %d failed", crowd.Sent.Load(), crowd.Failed.Load())
}

// judgeErrorsInShadow makes the deployment judge its next version on copies of every request before it gets a share. The gate is wide, so
// that the test's few requests are enough for a verdict that holds with 95 %.
func judgeErrorsInShadow(t *testing.T, k *kube.Cluster) {
	t.Helper()
	d := get(t, k, &v1alpha1.TryOnDeployment{}, "storefront")
	base := client.MergeFrom(d.DeepCopy())
	d.Spec.Rollout.Steps = []v1alpha1.RolloutStep{
		{Shadow: v1alpha1.ShadowStep{SamplePercent: 100}},
		{Weight: 50, Hold: &metav1.Duration{Duration: 5 * time.Second}},
	}
	d.Spec.Gates = []v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: "0.05"}}
	if err := k.Patch(t.Context(), d, base); err != nil {
		t.Fatalf("asking for a shadow step: %v", err)
	}
}

// checkJudgement sees that the version was judged on pairs of answers, and that the history tells it.
func checkJudgement(t *testing.T, k *kube.Cluster, version string) {
	t.Helper()
	d := get(t, k, &v1alpha1.TryOnDeployment{}, "storefront")
	if len(d.Status.History) == 0 || d.Status.History[0].Version != version || d.Status.History[0].Reason != v1alpha1.ReasonPromoted {
		t.Errorf("the history does not begin with the promotion of %s: %+v", version, d.Status.History)
	}
	judgement := d.Status.Judgement
	if judgement == nil || judgement.Candidate != version || string(judgement.Verdict) != string(sequential.Promote) || len(judgement.Gates) != 1 {
		t.Fatalf("the judgement of %s is %+v", version, judgement)
	}
	if pairs := ptr.Deref(judgement.Gates[0].Have, 0); pairs < 50 {
		t.Errorf("%s was promoted after %d pairs: no verdict at this margin takes fewer than 50", version, pairs)
	}
	t.Logf("judged: %s", judgement.Rule)
}

// awaitProgress waits until the last stage of a version is past some percent of its steps.
func awaitProgress(t *testing.T, k *kube.Cluster, version string, percent int) {
	t.Helper()
	await(t, k, named(&v1alpha1.TryOnModelVersion{}, version), 10*time.Minute, func(v *v1alpha1.TryOnModelVersion) (bool, error) {
		var stage string
		var have int
		_, err := fmt.Sscanf(v.Status.Progress, "%s %d%%", &stage, &have)
		return err == nil && stage == "pf-gen" && have >= percent, nil
	})
}

// killTrainingPod kills the pod of the version's PyTorchJob without grace.
func killTrainingPod(t *testing.T, k *kube.Cluster, version string) {
	t.Helper()
	selector := client.MatchingLabels{names.LabelModelVersion: version, names.LabelStage: "pf-gen"}
	var jobs kftraining.PyTorchJobList
	raw := newTrainingClient(t)
	if err := raw.List(t.Context(), &jobs, client.InNamespace(kube.Namespace), selector); err != nil || len(jobs.Items) == 0 {
		t.Fatalf("no PyTorchJob trains %s (%v)", version, err)
	}
	var pods corev1.PodList
	if err := k.List(t.Context(), &pods, client.InNamespace(kube.Namespace), selector); err != nil || len(pods.Items) == 0 {
		t.Fatalf("no training pod of %s (%v)", version, err)
	}
	for i := range pods.Items {
		if err := k.Delete(t.Context(), &pods.Items[i], client.GracePeriodSeconds(0)); err != nil {
			t.Fatalf("killing %s: %v", pods.Items[i].Name, err)
		}
	}
}

// killManager kills the operator's manager without grace; its Deployment brings another.
func killManager(t *testing.T, k *kube.Cluster) {
	t.Helper()
	err := k.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(kube.OperatorNamespace), client.GracePeriodSeconds(0))
	if err != nil {
		t.Fatalf("killing the manager: %v", err)
	}
}

// killCluster kills every process of the local cluster, as a power cut would, and starts it again. A cluster that is not ours is left alone.
func killCluster(t *testing.T) {
	t.Helper()
	if os.Getenv("KUBECONFIG") != "" {
		return
	}
	for _, command := range []string{"kill", "up"} {
		run := exec.CommandContext(t.Context(), "go", "-C", filepath.Join(apitest.Root(t), "hack", "cluster"), "run", ".", command)
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("cluster %s: %v\n%s", command, err, out)
		}
	}
}

func newTrainingClient(t *testing.T) client.Client {
	t.Helper()
	return apitest.Client(t, cluster(t).Config())
}

// checkStages sees that three stages were taken over and that the last one went on from a checkpoint.
func checkStages(t *testing.T, version *v1alpha1.TryOnModelVersion) {
	t.Helper()
	for _, stage := range version.Status.Stages {
		if stage.Name != "pf-gen" && stage.ReusedFrom == "" {
			t.Errorf("stage %s was not taken over from an earlier version", stage.Name)
		}
		if stage.Name == "pf-gen" && !strings.Contains(stage.Message, "resumed") {
			t.Errorf("stage pf-gen does not say that it resumed from a checkpoint: %q", stage.Message)
		}
	}
}
