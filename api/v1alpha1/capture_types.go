package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CaptureSpec keeps a sample of the answered try-ons for a while.
type CaptureSpec struct {
	// to is where captured requests are kept, each deployment's in a folder of its own: for pvc:// <path>/<name of this object>, for
	// s3://<bucket>/<prefix> <prefix>/<namespace>/<name>. Serving pods write there, replays and the reports of judgements read and write.
	// +required
	// +kubebuilder:validation:XValidation:rule="!self.uri.startsWith('s3://') || self.uri.matches('^s3://[^/?]+/[^?]*[^/?]')",message="captured requests need a place of their own in a bucket: write s3://<bucket>/<prefix>"
	// +kubebuilder:validation:XValidation:rule="!self.uri.startsWith('pvc://') || !self.uri.contains('?')",message="pvc:// takes no options; remove everything from '?'"
	To BlobSource `json:"to,omitempty,omitzero"`

	// samplePercent of the answered requests are kept, chosen at random; 10 when not set.
	// +optional
	// +default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	SamplePercent int32 `json:"samplePercent,omitempty"`

	// ttl is how long after its answer a request is kept, and a page with pictures of it; 24h when not set.
	// +optional
	// +default="24h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=24
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1m') && duration(self) <= duration('720h')",message="must be from 1m to 720h, written like 90m, 24h or 168h"
	TTL *metav1.Duration `json:"ttl,omitempty"`

	// maxSize of all that is kept at a time, from 16Mi to 16Gi; the oldest gives way. 1Gi when not set.
	// +optional
	// +default="1Gi"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('16Mi')) >= 0 && quantity(string(self)).compareTo(quantity('16Gi')) <= 0",message="must be from 16Mi to 16Gi"
	MaxSize *resource.Quantity `json:"maxSize,omitempty"`
}

// CaptureStatus is a place where captured requests may lie.
type CaptureStatus struct {
	// uri of the place, as spec.capture.to had it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	URI string `json:"uri,omitempty"`

	// secretRef names the Secret with which the place is read, written and erased.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitempty,omitzero"`

	// sinceTime is when the place was taken.
	// +optional
	SinceTime *metav1.Time `json:"sinceTime,omitempty"`

	// access is what pods may do with the place: Look as long as none has said that it can use it, then Write. With Look nothing was ever
	// kept there, so that nothing needs to be erased.
	// +optional
	Access CaptureAccess `json:"access,omitempty"`
}

// CaptureAccess is what pods may do with a place of captured requests. When it is not said, requests may lie there.
// +kubebuilder:validation:Enum=Look;Write
type CaptureAccess string

const (
	// CaptureLook: pods may open and list the place.
	CaptureLook CaptureAccess = "Look"
	// CaptureWrite: pods may keep requests there.
	CaptureWrite CaptureAccess = "Write"
)
