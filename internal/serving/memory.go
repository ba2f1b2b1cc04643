package serving

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// leastMemory is what a sidecar takes for one photo and one inference request of the largest size that it accepts. It is what a sidecar
// asks for by itself, too: enough for typical try-ons, and no more than a model server asks for beside it by much. The API server refuses
// less with a rule of its own on SidecarSpec.
const leastMemory = "640Mi"

// shares say in percent what a sidecar's memory is for. What they leave is for all that is not counted: code, stacks, buffers of the kernel.
var shares = []struct {
	flag    string
	percent int64
}{
	{"--pixel-memory", 55}, {"--body-memory", 20}, {"--shadow-memory", 5}, {"--capture-memory", 5}, {"--catalogue-memory", 5},
}

// bound gives a sidecar its resources, and holds it to its memory: the limit or, without one, what it asks for. The error wraps
// resources.ErrTooSmall.
func bound(sidecar *corev1.Container, wanted *v1alpha1.ResourceRequirements) error {
	least := resource.MustParse(leastMemory)
	sidecar.Resources = demands(wanted, corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: least},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: least},
	})
	field, memory := "limits", sidecar.Resources.Limits[corev1.ResourceMemory]
	if memory.IsZero() {
		field, memory = "requests", sidecar.Resources.Requests[corev1.ResourceMemory]
	}
	if memory.IsZero() {
		memory = least
		if sidecar.Resources.Requests == nil {
			sidecar.Resources.Requests = corev1.ResourceList{}
		}
		sidecar.Resources.Requests[corev1.ResourceMemory] = memory
	}
	if memory.Cmp(least) < 0 {
		return fmt.Errorf("%w: spec.sidecar.resources.%s.memory is %s, which is too little for one photo of 24 million pixels: give at least %s, or leave it out",
			resources.ErrTooSmall, field, memory.String(), leastMemory)
	}
	flags, limit := budgets(memory.Value())
	sidecar.Command = append(sidecar.Command, flags...)
	sidecar.Env = append(sidecar.Env, corev1.EnvVar{Name: "GOMEMLIMIT", Value: strconv.FormatInt(limit, 10)})
	return nil
}

// budgets divides a sidecar's memory. The garbage collector keeps to the limit, which is the sum of all parts: what is decoded is garbage long
// before its part is given back.
func budgets(memory int64) (flags []string, limit int64) {
	for _, s := range shares {
		bytes := memory/100*s.percent + memory%100*s.percent/100
		limit += bytes
		flags = append(flags, s.flag, strconv.FormatInt(bytes, 10))
	}
	return flags, limit
}
