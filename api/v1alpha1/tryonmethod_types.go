package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TryOnMethodSpec is a training recipe as data.
// +kubebuilder:validation:XValidation:rule="self.stages.exists(s, s.name == self.serving.stage)",message="serving.stage must name one of the stages"
// +kubebuilder:validation:XValidation:rule="self.stages.all(s, !has(s.initFrom) || self.stages.exists(p, p.name == s.initFrom && p.name != s.name))",message="initFrom must name another stage of the method"
// +kubebuilder:validation:XValidation:rule="self.stages.all(s, !has(s.freezeFrom) || s.freezeFrom.all(f, self.stages.exists(p, p.name == f && p.name != s.name)))",message="freezeFrom must name other stages of the method"
type TryOnMethodSpec struct {
	// description of the method in a sentence.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Description string `json:"description,omitempty"`

	// paper that describes the method, for example arXiv:2103.04559.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Paper string `json:"paper,omitempty"`

	// license of the method's code and of what it starts from, as an SPDX expression.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	License string `json:"license,omitempty"`

	// stages in the order in which they may run; a stage may refer only to stages before it.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Stages []MethodStage `json:"stages,omitempty"`

	// serving says which stage is served, and how.
	// +required
	Serving MethodServing `json:"serving,omitempty,omitzero"`
}

// MethodStage is one step of a method's training: one command with its inputs.
type MethodStage struct {
	// name of the stage, for example pf-gen.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="must be lower-case letters, digits and '-'"
	Name string `json:"name,omitempty"`

	// image of the trainer. "trainer" stands for the reference trainer of this installation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*(:[0-9]{1,5})?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$')",message="must be an image reference, [registry[:port]/]name[:tag][@sha256:<64 hexadecimal digits>] with the name in lower case, for example registry.example/vton/trainer:1.2"
	Image string `json:"image,omitempty"`

	// command that is run under the wrapper; docs/trainer-contract.md says what it sees and must leave behind.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	Command []string `json:"command,omitempty"`

	// params of the command, as strings.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(name, size(name) <= 63 && size(self[name]) <= 256)",message="a parameter's name has at most 63 characters and its value 256: all of them reach the trainer in one environment variable"
	Params map[string]string `json:"params,omitempty"`

	// initFrom is the stage whose weights this one starts from.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	InitFrom string `json:"initFrom,omitempty"`

	// freezeFrom are the stages whose weights this one uses and does not change, such as a teacher.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=32
	FreezeFrom []string `json:"freezeFrom,omitempty"`

	// nodes is the number of pods that train together; 1 when not set.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	Nodes int32 `json:"nodes,omitempty"`

	// gpusPerNode is the number of nvidia.com/gpu that each pod asks for; none when not set.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=16
	GPUsPerNode *int32 `json:"gpusPerNode,omitempty"`

	// resources of each pod besides its GPUs.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!(has(self.requests) && 'nvidia.com/gpu' in self.requests) && !(has(self.limits) && 'nvidia.com/gpu' in self.limits)",message="ask for GPUs with gpusPerNode, which counts them as well; remove nvidia.com/gpu from resources"
	Resources *ResourceRequirements `json:"resources,omitempty"`

	// healthChecks stop the stage when a metric of its progress leaves its bounds.
	// +optional
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MaxItems=16
	HealthChecks []HealthCheck `json:"healthChecks,omitempty"`
}

// ResourceRequirements are the requests and limits of a container.
type ResourceRequirements struct {
	// requests of the container.
	// +optional
	Requests corev1.ResourceList `json:"requests,omitempty"`

	// limits of the container.
	// +optional
	Limits corev1.ResourceList `json:"limits,omitempty"`
}

// HealthCheck bounds a metric that the trainer writes into its progress file. A metric that is not a finite number always stops the stage.
// +kubebuilder:validation:XValidation:rule="has(self.min) || has(self.max)",message="set min, max or both"
type HealthCheck struct {
	// metric as the trainer names it, for example warp_area_ratio.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Metric string `json:"metric,omitempty"`

	// min is the lowest healthy value.
	// +optional
	Min *Decimal `json:"min,omitempty"`

	// max is the highest healthy value.
	// +optional
	Max *Decimal `json:"max,omitempty"`

	// afterStep is the first step at which the bounds hold.
	// +optional
	// +kubebuilder:validation:Minimum=1
	AfterStep int64 `json:"afterStep,omitempty"`
}

// ServingSignature names the tensors of the served graph.
// +kubebuilder:validation:Enum="tryon/v1"
type ServingSignature string

// MethodServing says what of a method is served.
type MethodServing struct {
	// stage whose output is served.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Stage string `json:"stage,omitempty"`

	// signature of the served graph.
	// +required
	Signature ServingSignature `json:"signature,omitempty"`
}

// TryOnMethod is a training recipe: stages, what they need, and the signature that is served. Methods are data, not Go code.
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=tomethod,categories=tryon
// +kubebuilder:printcolumn:name="Serves",type=string,JSONPath=`.spec.serving.stage`
// +kubebuilder:printcolumn:name="Signature",type=string,JSONPath=`.spec.serving.signature`
// +kubebuilder:printcolumn:name="License",type=string,JSONPath=`.spec.license`
// +kubebuilder:printcolumn:name="Paper",type=string,JSONPath=`.spec.paper`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TryOnMethod struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec of the method.
	// +required
	Spec TryOnMethodSpec `json:"spec,omitempty,omitzero"`
}

// TryOnMethodList is a list of methods.
// +kubebuilder:object:root=true
type TryOnMethodList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the list.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items of the list.
	Items []TryOnMethod `json:"items"`
}
