package manager

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/internal/names"
)

// leftOut stands in the cache for what is left out of it.
const leftOut = "(not kept)"

// cacheOptions keep out of the manager's memory everything that is not ours, and of ours what is never read from there: the ledgers of
// judgements, a third of a megabyte each, and the tasks of Jobs.
func cacheOptions() cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{names.LabelManagedBy: names.FieldManager})}
	small := ours
	small.Transform = slim
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&batchv1.Job{}:                  small,
			&corev1.Pod{}:                   small,
			&appsv1.Deployment{}:            ours,
			&corev1.Service{}:               ours,
			&corev1.ConfigMap{}:             small,
			&discoveryv1.EndpointSlice{}:    ours,
			&networkingv1.NetworkPolicy{}:   ours,
			&policyv1.PodDisruptionBudget{}: ours,
		},
	}
}

// slim takes the managed fields away, the values of ConfigMaps, which are read past the cache, and the environment of containers.
func slim(object any) (any, error) {
	switch o := object.(type) {
	case *corev1.ConfigMap:
		for key := range o.Data {
			o.Data[key] = leftOut
		}
	case *corev1.Pod:
		slimPod(&o.Spec)
	case *batchv1.Job:
		slimPod(&o.Spec.Template.Spec)
	}
	return cache.TransformStripManagedFields()(object)
}

func slimPod(pod *corev1.PodSpec) {
	for i := range pod.InitContainers {
		pod.InitContainers[i].Env = nil
	}
	for i := range pod.Containers {
		pod.Containers[i].Env = nil
	}
}
