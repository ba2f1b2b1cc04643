// Package serving builds the objects behind a TryOnDeployment: per version a Deployment and a Service, and for the whole group a
// Service, the control ConfigMap, a NetworkPolicy and a PodDisruptionBudget. Builders are pure: the same input gives the same object.
//
// A pod pulls its weights by digest (init container), then the runtime starts as a native sidecar, then the Go sidecar, whose ports
// are the only open ones. The kubelet stops them in the opposite order, so that the runtime lives until the last request is answered.
package serving
