package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ScalingSpec has the number of pods follow the work that waits in them and arrives.
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || self.maxReplicas >= self.minReplicas",message="maxReplicas is below minReplicas; raise maxReplicas, or lower minReplicas"
// +kubebuilder:validation:XValidation:rule="!has(self.scaleDownDelay) || !has(self.stableWindow) || duration(self.scaleDownDelay) >= duration(self.stableWindow)",message="scaleDownDelay is below stableWindow, but no pod is taken away before a whole window was seen; raise scaleDownDelay, or lower stableWindow"
type ScalingSpec struct {
	// minReplicas is the fewest pods; 1 when not set. Scaling to zero is not supported: nobody could hold a request then.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MinReplicas int32 `json:"minReplicas,omitempty"`

	// maxReplicas is the most pods of a version; a rollout has two versions for a while.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxReplicas int32 `json:"maxReplicas,omitempty"`

	// targetBacklog is how long a request may wait before it is worked on; 4s when not set.
	// +optional
	// +default="4s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=24
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('100ms') && duration(self) <= duration('10m')",message="must be from 100ms to 10m, written like 90s, 10m or 1h30m"
	TargetBacklog *metav1.Duration `json:"targetBacklog,omitempty"`

	// utilisationPercent is the part of its time that a pod is planned to work, in percent; 75 when not set. Less leaves room for what is
	// random in arrivals, so that requests hardly wait in calm times.
	// +optional
	// +default=75
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=100
	UtilisationPercent int32 `json:"utilisationPercent,omitempty"`

	// stableWindow is what arrivals are averaged over in calm times, and the time within which a backlog is worked off; 1m when not set.
	// +optional
	// +default="1m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=24
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('10s') && duration(self) <= duration('1h')",message="must be from 10s to 1h, written like 90s, 10m or 1h30m"
	StableWindow *metav1.Duration `json:"stableWindow,omitempty"`

	// scaleDownDelay is how long fewer pods must have been enough before some are taken away; 5m when not set. Not below stableWindow.
	// +optional
	// +default="5m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=24
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('10s') && duration(self) <= duration('1h')",message="must be from 10s to 1h, written like 90s, 10m or 1h30m"
	ScaleDownDelay *metav1.Duration `json:"scaleDownDelay,omitempty"`
}

// ScalingStatus is how many pods the work asks for. It is written when desired or reason change, so its figures are those of that moment.
type ScalingStatus struct {
	// desired is the number of pods of each version in use.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Desired int32 `json:"desired,omitempty"`

	// reason of that number: Steady, LoadRose, Burst, AtMaximum, ScaleInDelayed, LoadFell, ReadingsMissing, NoPodReady, Watching, Bounds,
	// Requested or TakingOver.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// message has the figures.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// lastChangeTime is when desired changed last.
	// +optional
	LastChangeTime *metav1.Time `json:"lastChangeTime,omitempty"`

	// requested is spec.replicas as it was taken into account last.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Requested int32 `json:"requested,omitempty"`
}
