package serving_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/serving"
)

func TestAPlaceForCapturedRequestsThatCannotBeUsedIsRefusedEverywhere(t *testing.T) {
	for _, uri := range []string{"gs://bucket/x", "pvc://claim/x?y=1", "s3://bucket", "://"} {
		tod := capturing(storefront(), v1alpha1.BlobSource{URI: uri})
		_, deployErr := config(claim()).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1})
		_, replayErr := config(claim()).MakeReplay(tod, question(), resources.Attempt{})
		for _, err := range []error{deployErr, replayErr} {
			if !errors.Is(err, resources.ErrStore) || !strings.Contains(err.Error(), "spec.capture.to") {
				t.Errorf("%s: error %v, want one about spec.capture.to that wraps %v", uri, err, resources.ErrStore)
			}
		}
	}
}

func TestOnlyTheSidecarSeesCapturedRequests(t *testing.T) {
	for name, to := range map[string]v1alpha1.BlobSource{
		"claim": {URI: "pvc://captures"}, "bucket": {URI: "s3://shop/captures", SecretRef: v1alpha1.SecretReference{Name: "captures"}},
	} {
		t.Run(name, func(t *testing.T) {
			tod := capturing(everything(), to)
			deployment, err := config(claim()).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1})
			if err != nil {
				t.Fatal(err)
			}
			pod := deployment.Spec.Template.Spec
			for _, c := range append(append([]corev1.Container{}, pod.InitContainers...), pod.Containers...) {
				sees := false
				for _, m := range c.VolumeMounts {
					sees = sees || m.Name == "capture"
				}
				for _, e := range c.Env {
					sees = sees || strings.HasPrefix(e.Name, "TRYON_CAPTURE_")
				}
				if want := c.Name == names.ContainerSidecar; sees != want {
					t.Errorf("container %s sees captured requests: %t, want %t", c.Name, sees, want)
				}
			}
		})
	}
}

func TestAClaimHasOneVolumeHoweverManyUseIt(t *testing.T) {
	store := claim()
	for name, tt := range map[string]struct {
		catalogue, capture, dataset string
		want                        map[string]int
	}{
		"each has its own":                 {"pvc://garments", "pvc://captures", "pvc://data", map[string]int{"garments": 1, "captures": 1}},
		"catalogue and captures":           {"pvc://shop/garments", "pvc://shop/captures", "pvc://data", map[string]int{"shop": 2}},
		"captures at the claim's root":     {"pvc://shop/garments", "pvc://shop", "pvc://data", map[string]int{"shop": 2}},
		"the catalogue is in the store":    {"pvc://" + store.Claim + "/garments", "pvc://captures", "pvc://data", map[string]int{store.Claim: 1, "captures": 1}},
		"the dataset, too, is at captures": {"pvc://garments", "pvc://captures", "pvc://captures/data", map[string]int{"garments": 1, "captures": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			tod, asked := capturing(storefront(), v1alpha1.BlobSource{URI: tt.capture}), question()
			tod.Spec.Catalogue.URI, asked.Dataset.Source.URI = tt.catalogue, tt.dataset
			deployment, err := config(store).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1})
			if err != nil {
				t.Fatal(err)
			}
			job, err := config(store).MakeReplay(tod, asked, resources.Attempt{})
			if err != nil {
				t.Fatal(err)
			}
			claimsOf(t, job.Spec.Template.Spec)
			got, claims := map[string]int{}, claimsOf(t, deployment.Spec.Template.Spec)
			for _, mount := range deployment.Spec.Template.Spec.Containers[0].VolumeMounts {
				if claim := claims[mount.Name]; claim != "" {
					got[claim]++
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mounts of the sidecar by claim (-want +got):\n%s", diff)
			}
		})
	}
}

// claimsOf gives the claims of a pod's volumes by the volume's name, empty for others. Two volumes of one claim, and a mount of none, fail the test.
func claimsOf(t *testing.T, pod corev1.PodSpec) map[string]string {
	t.Helper()
	volumes, claims := map[string]string{}, map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = ""
		if v.PersistentVolumeClaim != nil {
			name := v.PersistentVolumeClaim.ClaimName
			if claims[name] {
				t.Errorf("claim %s has two volumes", name)
			}
			claims[name], volumes[v.Name] = true, name
		}
	}
	for _, c := range append(append([]corev1.Container{}, pod.InitContainers...), pod.Containers...) {
		for _, m := range c.VolumeMounts {
			if _, ok := volumes[m.Name]; !ok {
				t.Fatalf("container %s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
	}
	return volumes
}
