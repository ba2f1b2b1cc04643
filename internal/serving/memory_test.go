package serving_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/sidecar"
)

func TestASidecarKeepsToItsMemory(t *testing.T) {
	memory := func(size string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(size)}
	}
	for name, tt := range map[string]struct {
		given *v1alpha1.ResourceRequirements
		// want is what the sidecar may take: as its limit, or as what it asks for.
		want string
	}{
		"nothing is said":           {nil, "640Mi"},
		"only CPU":                  {&v1alpha1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}}, "640Mi"},
		"the least limit":           {&v1alpha1.ResourceRequirements{Limits: memory("640Mi")}, "640Mi"},
		"a request without a limit": {&v1alpha1.ResourceRequirements{Requests: memory("1Gi")}, "1Gi"},
		"a limit over the request":  {&v1alpha1.ResourceRequirements{Requests: memory("100Mi"), Limits: memory("3G")}, "3G"},
		"a limit beyond all bounds": {&v1alpha1.ResourceRequirements{Limits: memory("8E")}, "8E"},
	} {
		t.Run(name, func(t *testing.T) {
			tod := storefront()
			tod.Spec.Sidecar.Resources = tt.given
			deployment, err := config(claim()).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1})
			if err != nil {
				t.Fatal(err)
			}
			container := deployment.Spec.Template.Spec.Containers[0]
			granted := container.Resources.Limits.Memory()
			if granted.IsZero() {
				granted = container.Resources.Requests.Memory()
			}
			want := resource.MustParse(tt.want)
			if granted.Cmp(want) != 0 {
				t.Errorf("it has %s, want %s", granted, tt.want)
			}
			limit := int64(0)
			for _, e := range container.Env {
				if e.Name == "GOMEMLIMIT" {
					limit, _ = strconv.ParseInt(e.Value, 10, 64)
				}
			}
			sum := int64(0)
			for i, word := range container.Command {
				if strings.HasSuffix(word, "-memory") {
					bytes, _ := strconv.ParseInt(container.Command[i+1], 10, 64)
					sum += bytes
				}
			}
			if part := float64(limit) / want.AsApproximateFloat64(); sum != limit || part < 0.89 || part > 0.91 {
				t.Errorf("budgets of %d bytes under a GOMEMLIMIT of %d in %s, want 90 %% of it", sum, limit, tt.want)
			}
			// The sidecar itself takes these budgets: all that it misses is its weights.
			var said strings.Builder
			sidecar.Main(container.Command[1:], func(string) string { return "" }, &said)
			if !strings.Contains(said.String(), "option --weights: ") {
				t.Errorf("the sidecar says %q", said.String())
			}
		})
	}
}

func TestASidecarWithoutMemoryForAPhotoIsRefused(t *testing.T) {
	small := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")}
	for field, given := range map[string]v1alpha1.ResourceRequirements{
		"spec.sidecar.resources.limits.memory is 512Mi": {Limits: small}, "spec.sidecar.resources.requests.memory is 512Mi": {Requests: small},
	} {
		tod := storefront()
		tod.Spec.Sidecar.Resources = &given
		_, err := config(claim()).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1})
		if !errors.Is(err, resources.ErrTooSmall) || !strings.Contains(err.Error(), field) {
			t.Errorf("error %v, want one that wraps %v and says that %s", err, resources.ErrTooSmall, field)
		}
	}
}
