package resources

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// demand is what a container asks for by itself, and how much memory it may take: a namespace with a quota takes no pod without a limit.
// There is no limit of CPU, which would only slow the work down; who has to have one says so in resources.
type demand struct{ cpu, memory, limit string }

var (
	// workerDemand is for what goes through files or through a few pictures.
	workerDemand = demand{"100m", "128Mi", "1Gi"}
	// dataDemand is for a manifest of 64 MiB, which is half a million files, the fingerprints of their pictures, and rows as far as there is room.
	dataDemand = demand{"100m", "256Mi", "2Gi"}
	// evaluatorDemand is for the pictures of one case with the answer to it, and the contact sheet.
	evaluatorDemand = demand{"100m", "512Mi", "1Gi"}
	// publishDemand is for a graph, which may have 1 GiB, as a whole.
	publishDemand = demand{"100m", "128Mi", "2Gi"}
	// serverDemand is for a model server: a graph, and what one run of it takes.
	serverDemand = demand{"250m", "512Mi", "4Gi"}
)

// ServerDemand is what a model server takes of which nobody says anything.
func ServerDemand() corev1.ResourceRequirements { return serverDemand.with(nil) }

// with gives the resources of a container of which a user wants something else; nil for nothing. A default that does not go with what the
// user says of the same resource gives way to it; 0 is nothing said.
func (d demand) with(wanted *v1alpha1.ResourceRequirements) corev1.ResourceRequirements {
	out := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(d.cpu), corev1.ResourceMemory: resource.MustParse(d.memory)},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(d.limit)},
	}
	if wanted == nil {
		return out
	}
	for name, q := range wanted.Limits {
		if q.IsZero() {
			continue
		}
		out.Limits[name] = q.DeepCopy()
		if asked, ok := out.Requests[name]; ok && asked.Cmp(q) > 0 {
			out.Requests[name] = q.DeepCopy()
		}
	}
	for name, q := range wanted.Requests {
		if q.IsZero() {
			continue
		}
		out.Requests[name] = q.DeepCopy()
		limit, limited := out.Limits[name]
		// What has a domain in its name, as GPUs, is not shared: Kubernetes wants it in the limits.
		if limited && q.Cmp(limit) > 0 || !limited && strings.Contains(string(name), "/") {
			out.Limits[name] = q.DeepCopy()
		}
	}
	return out
}

// heapPercent of a worker's memory limit are for its heap. Code, stacks and buffers of the kernel take the rest.
const heapPercent = 90

// give gives a container that runs one of our workers its resources, and has its garbage collector keep to them.
func give(worker *corev1.Container, demands corev1.ResourceRequirements) {
	worker.Resources = demands
	limit := demands.Limits.Memory().Value() / 100 * heapPercent
	worker.Env = append(worker.Env, corev1.EnvVar{Name: "GOMEMLIMIT", Value: strconv.FormatInt(limit, 10)})
}
