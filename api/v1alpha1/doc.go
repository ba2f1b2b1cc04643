// Package v1alpha1 holds the API of the try-on operator: two kinds that a team writes (TryOnModel, TryOnDeployment), one that the
// platform owns (TryOnMethod) and two immutable records that the operator writes (TryOnDatasetVersion, TryOnModelVersion).
//
// +kubebuilder:object:generate=true
// +groupName=tryon.braincreators.com
package v1alpha1
