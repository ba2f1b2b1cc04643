//go:build e2e

package e2e

import (
	"cmp"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// TestAVersionIsJudgedOnKnownRequestsWhereHardlyAnybodyShops serves an earlier version where a few shoppers come, asks for a later one, and sees
// it promoted by a replay, before which it has no pod. The shoppers' requests are captured and replayed, and gone once the deployment is.
func TestAVersionIsJudgedOnKnownRequestsWhereHardlyAnybodyShops(t *testing.T) {
	k := cluster(t)
	older, newer := lastTwo(t, k)
	d := &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: "fitting-room"},
		Spec: v1alpha1.TryOnDeploymentSpec{
			Model: v1alpha1.ServedModel{Name: older.Spec.Model.Name, Version: older.Spec.Version},
			// Two small model servers fit beside what other tests left.
			Rollout: v1alpha1.RolloutSpec{OnSilence: v1alpha1.SilenceReject, Steps: []v1alpha1.RolloutStep{{Replay: &v1alpha1.ReplayStep{
				Resources: &v1alpha1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("128Mi")}},
			}}}},
			// The test split of the demo has 64 requests; a margin of 0.2 takes some 20 without a fault.
			Gates:   []v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: "0.2"}},
			Capture: v1alpha1.CaptureSpec{To: v1alpha1.BlobSource{URI: "pvc://captures/try-ons"}, SamplePercent: 100, TTL: &metav1.Duration{Duration: time.Hour}},
		},
	}
	makeClaim(t, k, "captures")
	if err := k.Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, k, d) })
	await(t, k, d, 2*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
		return d.Status.Stable == older.Name && conditionIsTrue(d.Status.Conditions, v1alpha1.ConditionReady), nil
	})
	folder := openCaptures(t, k, "captures", "try-ons/"+d.Name)
	captureSome(t, k, d.Name, folder)
	base := client.MergeFrom(d.DeepCopy())
	d.Spec.Model.Version = newer.Spec.Version
	if err := k.Patch(t.Context(), d, base); err != nil {
		t.Fatal(err)
	}
	replayed := false
	await(t, k, d, 3*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
		if d.Status.Weight == "replay" {
			replayed = true
			err := k.Get(t.Context(), client.ObjectKey{Namespace: kube.Namespace, Name: names.Serving(d.Name, newer.Name)}, &appsv1.Deployment{})
			if err == nil && replayRuns(t, k, d.Name) {
				t.Errorf("%s has a Deployment while its replay runs", newer.Name)
			}
		}
		return d.Status.Candidate == nil && d.Status.History[0].Version == newer.Name, nil
	})
	checkReplayed(t, k, d, newer.Name)
	if !replayed {
		t.Error("no replay was seen")
	}
	checkCapturedWereReplayed(t, k, d, folder)
	checkErased(t, k, d, folder)
}

// replayRuns says whether a pod compares still; its model servers may be stopping when it does not. The status says so for a moment longer: it
// is written when all that follows has been made.
func replayRuns(t *testing.T, k *kube.Cluster, name string) bool {
	t.Helper()
	var pods corev1.PodList
	if err := k.List(t.Context(), &pods, client.InNamespace(kube.Namespace), client.MatchingLabels{names.LabelReplay: name}); err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool {
		ended := func(c corev1.ContainerStatus) bool { return c.State.Terminated != nil }
		return p.Status.Phase == corev1.PodPending || p.Status.Phase == corev1.PodRunning && !slices.ContainsFunc(p.Status.ContainerStatuses, ended)
	})
}

// checkReplayed sees that the version was promoted on pairs of a replay, whose Job is gone.
func checkReplayed(t *testing.T, k *kube.Cluster, d *v1alpha1.TryOnDeployment, version string) {
	t.Helper()
	// Fixed, because the spec names the version; the replay decides all the same.
	if d.Status.Stable != version || d.Status.History[0].Reason != v1alpha1.ReasonFixed {
		t.Fatalf("%s serves: %+v", d.Status.Stable, d.Status.History[0])
	}
	j := d.Status.Judgement
	if j == nil || string(j.Verdict) != string(sequential.Promote) || len(j.Gates) != 1 || ptr.Deref(j.Gates[0].Have, 0) < 20 || j.Dropped != "" {
		t.Fatalf("the judgement of %s is %+v", version, j)
	}
	t.Logf("judged: %s", j.Rule)
	await(t, k, d, time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
		var jobs batchv1.JobList
		err := k.List(t.Context(), &jobs, client.InNamespace(kube.Namespace), client.MatchingLabels{names.LabelReplay: d.Name})
		return len(jobs.Items) == 0, err
	})
}

// lastTwo are the two newest versions of the demo's model that passed their gates, which other tests have made.
func lastTwo(t *testing.T, k *kube.Cluster) (older, newer v1alpha1.TryOnModelVersion) {
	t.Helper()
	var list v1alpha1.TryOnModelVersionList
	if err := k.List(t.Context(), &list, client.InNamespace(kube.Namespace)); err != nil {
		t.Fatal(err)
	}
	ready := slices.DeleteFunc(list.Items, func(v v1alpha1.TryOnModelVersion) bool {
		return v.Spec.Model.Name != "tops" || !v.DeletionTimestamp.IsZero() || !conditionIsTrue(v.Status.Conditions, v1alpha1.ConditionReady)
	})
	slices.SortFunc(ready, func(a, b v1alpha1.TryOnModelVersion) int { return cmp.Compare(a.Spec.Version, b.Spec.Version) })
	if len(ready) < 2 {
		t.Fatalf("%d versions of tops are ready, want the two that the demo and the test of a second version leave", len(ready))
	}
	return ready[len(ready)-2], ready[len(ready)-1]
}
