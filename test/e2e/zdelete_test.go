//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/internal/names"
)

// TestZDeletingRemovesWhatWasMadeAndNothingElse runs last (tests run in the order of files and names) and takes the samples away.
func TestZDeletingRemovesWhatWasMadeAndNothingElse(t *testing.T) {
	k := cluster(t)
	foreign := named(&corev1.ConfigMap{Data: map[string]string{"owner": "somebody else"}}, "bystander")
	if err := k.Create(t.Context(), foreign); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, k, named(&corev1.ConfigMap{}, "bystander")) })
	for _, obj := range []client.Object{named(&v1alpha1.TryOnDeployment{}, "storefront"), named(&v1alpha1.TryOnModel{}, "tops")} {
		if err := k.Delete(t.Context(), obj); err != nil && !apierrors.IsNotFound(err) {
			t.Fatalf("deleting %s: %v", obj.GetName(), err)
		}
	}
	awaitNothingOf(t, k)
	get(t, k, &corev1.ConfigMap{}, "bystander")
	get(t, k, &corev1.PersistentVolumeClaim{}, "tryon-artefacts")
	get(t, k, &corev1.PersistentVolumeClaim{}, "vton-demo")
}

// awaitNothingOf waits until no child of ours is left in the namespace, besides the artefact store.
func awaitNothingOf(t *testing.T, k *kube.Cluster) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	kinds := []string{"Deployment.apps/v1", "ReplicaSet.apps/v1", "Job.batch/v1", "Pod.v1", "Service.v1", "ConfigMap.v1",
		"TryOnModelVersion.tryon.braincreators.com/v1alpha1", "TryOnDatasetVersion.tryon.braincreators.com/v1alpha1"}
	for {
		var left []string
		for _, kind := range kinds {
			left = append(left, leftOf(t, k, kind)...)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", left)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(2 * time.Second):
		}
	}
}

func leftOf(t *testing.T, k *kube.Cluster, kind string) []string {
	t.Helper()
	name, version, _ := strings.Cut(kind, ".")
	list := &metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: version, Kind: name + "List"}}
	opts := []client.ListOption{client.InNamespace(kube.Namespace)}
	if !strings.HasPrefix(name, "TryOn") {
		opts = append(opts, client.MatchingLabels{names.LabelManagedBy: names.FieldManager})
	}
	if err := k.List(t.Context(), list, opts...); err != nil {
		t.Fatalf("listing %s: %v", kind, err)
	}
	left := make([]string, 0, len(list.Items))
	for _, item := range list.Items {
		left = append(left, name+"/"+item.Name)
	}
	return left
}
