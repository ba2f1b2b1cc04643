package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind of this package.
var GroupVersion = schema.GroupVersion{Group: "tryon.braincreators.com", Version: "v1alpha1"}

// AddToScheme registers the kinds of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&TryOnModel{}, &TryOnModelList{},
		&TryOnDeployment{}, &TryOnDeploymentList{},
		&TryOnMethod{}, &TryOnMethodList{},
		&TryOnDatasetVersion{}, &TryOnDatasetVersionList{},
		&TryOnModelVersion{}, &TryOnModelVersionList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
