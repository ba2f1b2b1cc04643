//go:build e2e

package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/hack/shoppers"
	"github.com/braincreators/tryon-operator/internal/capture"
)

// capturedShoppers come to the fitting room: as many as a pod captures at once.
const capturedShoppers = 5

// makeClaim makes a claim for captured requests, and removes it after the test.
func makeClaim(t *testing.T, k *kube.Cluster, name string) {
	t.Helper()
	claim := named(&corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}}, name)
	if err := k.Create(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, k, claim) })
}

// openCaptures opens a folder of a claim on this machine, where the local cluster keeps its claims.
func openCaptures(t *testing.T, k *kube.Cluster, claim, path string) *capture.Folder {
	t.Helper()
	volume := &corev1.PersistentVolume{}
	name := get(t, k, &corev1.PersistentVolumeClaim{}, claim).Spec.VolumeName
	if err := k.Get(t.Context(), client.ObjectKey{Name: name}, volume); err != nil {
		t.Fatal(err)
	}
	if volume.Spec.HostPath == nil {
		t.Fatalf("volume %s is no folder of this machine", name)
	}
	folder, err := capture.Open(t.Context(), "file://"+filepath.Join(volume.Spec.HostPath.Path, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	return folder
}

// captures lists what is kept.
func captures(t *testing.T, folder *capture.Folder) (requests, pages []capture.Entry) {
	t.Helper()
	entries, err := folder.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == capture.KindPage {
			pages = append(pages, e)
		} else {
			requests = append(requests, e)
		}
	}
	return requests, pages
}

// captureSome lets a few shoppers come, the first of whom does not want to be captured, and waits until the others are.
func captureSome(t *testing.T, k *kube.Cluster, service string, folder *capture.Folder) {
	t.Helper()
	wishes, err := shoppers.Draw(t.Context(), t.TempDir(), 977, capturedShoppers+1)
	if err != nil {
		t.Fatal(err)
	}
	wishes[0].Private = true
	// A pod learns from its kubelet that it may keep requests, which takes more than a minute.
	await(t, k, named(&v1alpha1.TryOnDeployment{}, service), 4*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
		return meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionCapturing), nil
	})
	for _, w := range wishes {
		if _, err := shoppers.Ask(t.Context(), k, service, w); err != nil {
			t.Fatal(err)
		}
	}
	await(t, k, named(&v1alpha1.TryOnDeployment{}, service), time.Minute, func(*v1alpha1.TryOnDeployment) (bool, error) {
		requests, _ := captures(t, folder)
		return len(requests) >= capturedShoppers, nil
	})
	if requests, _ := captures(t, folder); len(requests) != capturedShoppers {
		t.Errorf("%d requests are captured, want %d: one shopper did not want to be", len(requests), capturedShoppers)
	}
}

// checkCapturedWereReplayed sees the candidate's picture beside each captured request, and a page of them that goes when they go.
func checkCapturedWereReplayed(t *testing.T, k *kube.Cluster, d *v1alpha1.TryOnDeployment, folder *capture.Folder) {
	t.Helper()
	await(t, k, d, 2*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
		return d.Status.Judgement != nil && d.Status.Judgement.Report != nil, nil
	})
	requests, pages := captures(t, folder)
	if len(requests) != capturedShoppers || len(pages) != 1 {
		t.Fatalf("%d captured requests and %d pages, want %d and 1", len(requests), len(pages), capturedShoppers)
	}
	for _, e := range requests {
		r, err := folder.Read(t.Context(), e.Name)
		if err != nil {
			t.Error(err)
		} else if c := r.Compared; c == nil || c.Version != d.Status.Stable || c.Epoch != d.Status.Judgement.Epoch || len(c.Image) == 0 {
			t.Errorf("%s was not replayed in this judgement: %+v", e.Name, c)
		}
		if e.TakenAt.Before(pages[0].TakenAt) {
			t.Errorf("the page stays until after %s has gone", e.Name)
		}
	}
	page, err := k.Proxy(t.Context(), kube.Request{
		Method: http.MethodGet, Target: "pods/reports:8080", Path: strings.TrimSuffix(d.Status.Judgement.Report.URI, ".json") + ".html",
	})
	if err != nil {
		t.Fatalf("fetching the report of the judgement: %v", err)
	}
	if !strings.Contains(string(page), "pvc://captures/try-ons") {
		t.Error("the report of the judgement does not say where the captured requests are shown")
	}
}

// checkErased deletes the deployment and sees that nothing that was captured outlives it.
func checkErased(t *testing.T, k *kube.Cluster, d *v1alpha1.TryOnDeployment, folder *capture.Folder) {
	t.Helper()
	remove(t, k, d)
	gone := client.ObjectKeyFromObject(d)
	// The claim is looked at, because something has to be that is there.
	await(t, k, named(&corev1.PersistentVolumeClaim{}, "captures"), 3*time.Minute, func(*corev1.PersistentVolumeClaim) (bool, error) {
		err := k.Get(t.Context(), gone, &v1alpha1.TryOnDeployment{})
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if requests, pages := captures(t, folder); len(requests)+len(pages) > 0 {
		t.Errorf("%d captured requests and %d pages are left", len(requests), len(pages))
	}
}
