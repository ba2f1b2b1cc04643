package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TryOnModelSpec says which data, which method and which quality.
type TryOnModelSpec struct {
	// method that trains the model.
	// +required
	Method MethodReference `json:"method,omitempty,omitzero"`

	// dataset that the model is trained and evaluated on.
	// +required
	Dataset DatasetSpec `json:"dataset,omitempty,omitzero"`

	// dataTests changes the data unit tests that have to pass before a training pod exists.
	// +optional
	DataTests DataTestsSpec `json:"dataTests,omitempty,omitzero"`

	// training changes where and how the stages run.
	// +optional
	Training TrainingSpec `json:"training,omitempty,omitzero"`

	// evaluation says what a version has to score before it may be served.
	// +optional
	Evaluation EvaluationSpec `json:"evaluation,omitempty,omitzero"`
}

// MethodReference names a TryOnMethod.
type MethodReference struct {
	// name of the TryOnMethod; kubectl get tomethod lists them.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// DatasetSpec is where a dataset lies and what may be done with it.
type DatasetSpec struct {
	// source of the files.
	// +required
	Source BlobSource `json:"source,omitempty,omitzero"`

	// layout of the files; VITONHD when not set.
	// +optional
	// +default="VITONHD"
	Layout DatasetLayout `json:"layout,omitempty"`

	// digest of the only content that is accepted, when set: anything else stops the model.
	// +optional
	Digest Digest `json:"digest,omitempty"`

	// license of the data, as an SPDX expression; it flows down to every version trained on it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	License string `json:"license,omitempty"`

	// resources of the pods that pin the dataset and run its data unit tests. What is left out is as without it: 100m CPU and 256Mi are requested,
	// and the limit is 2Gi of memory or, where more is requested, as much.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || ['cpu', 'memory'].all(r, !(r in self.requests) || !(r in self.limits) || quantity(string(self.requests[r])).compareTo(quantity(string(self.limits[r]))) <= 0)",message="a request must not be above its limit"
	// +kubebuilder:validation:XValidation:rule="['cpu', 'memory'].all(r, !(has(self.requests) && r in self.requests && string(self.requests[r]).startsWith('-')) && !(has(self.limits) && r in self.limits && string(self.limits[r]).startsWith('-')))",message="must not be negative"
	Resources *ResourceRequirements `json:"resources,omitempty"`
}

// DataTestsSpec changes the standard suite of data unit tests.
// +kubebuilder:validation:MinProperties=1
type DataTestsSpec struct {
	// checks that differ from the suite, by name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Checks []CheckOverride `json:"checks,omitempty"`
}

// TrainingSpec changes where and how the stages of the method run.
// +kubebuilder:validation:MinProperties=1
type TrainingSpec struct {
	// backend that runs the stages; Auto when not set.
	// +optional
	// +default="Auto"
	Backend Backend `json:"backend,omitempty"`

	// stages that differ from the method, by name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Stages []StageOverride `json:"stages,omitempty"`

	// placement of the training, evaluation and data pods.
	// +optional
	Placement PodPlacement `json:"placement,omitempty,omitzero"`
}

// StageOverride changes one stage of the method.
type StageOverride struct {
	// name of the stage.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Name string `json:"name,omitempty"`

	// nodes instead of the method's.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	Nodes int32 `json:"nodes,omitempty"`

	// gpusPerNode instead of the method's.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=16
	GPUsPerNode *int32 `json:"gpusPerNode,omitempty"`

	// resources of each pod besides its GPUs, instead of the method's.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!(has(self.requests) && 'nvidia.com/gpu' in self.requests) && !(has(self.limits) && 'nvidia.com/gpu' in self.limits)",message="ask for GPUs with gpusPerNode, which counts them as well; remove nvidia.com/gpu from resources"
	Resources *ResourceRequirements `json:"resources,omitempty"`

	// params that are added to, or replace, the method's.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(name, size(name) <= 63 && size(self[name]) <= 256)",message="a parameter's name has at most 63 characters and its value 256: all of them reach the trainer in one environment variable"
	Params map[string]string `json:"params,omitempty"`
}

// EvaluationSpec says what a version has to score.
// +kubebuilder:validation:MinProperties=1
type EvaluationSpec struct {
	// gates that all have to hold.
	// +optional
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MaxItems=16
	Gates []MetricGate `json:"gates,omitempty"`

	// maxCases bounds the rows of the test split that are evaluated; all of them when not set.
	// +optional
	// +kubebuilder:validation:Minimum=4
	// +kubebuilder:validation:Maximum=100000
	MaxCases int32 `json:"maxCases,omitempty"`

	// resources of the model server that is asked, GPUs included. What is left out is as without it: 250m CPU and 512Mi are requested, and the
	// limit is 4Gi of memory or, where more is requested, as much. Scores do not depend on them.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || ['cpu', 'memory'].all(r, !(r in self.requests) || !(r in self.limits) || quantity(string(self.requests[r])).compareTo(quantity(string(self.limits[r]))) <= 0)",message="a request must not be above its limit"
	// +kubebuilder:validation:XValidation:rule="['cpu', 'memory'].all(r, !(has(self.requests) && r in self.requests && string(self.requests[r]).startsWith('-')) && !(has(self.limits) && r in self.limits && string(self.limits[r]).startsWith('-')))",message="must not be negative"
	Resources *ResourceRequirements `json:"resources,omitempty"`
}

// TryOnModelStatus is what the operator has made of a TryOnModel.
// +kubebuilder:validation:MinProperties=1
type TryOnModelStatus struct {
	// conditions are Ready, DatasetPinned, DataTestsPassed, VersionReady. The reason of Ready names the current stage.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// progress of the current stage, for people.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Progress string `json:"progress,omitempty"`

	// dataset is the name of the TryOnDatasetVersion in use.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Dataset string `json:"dataset,omitempty"`

	// pin is the last finished pinning of the dataset.
	// +optional
	Pin *PinStatus `json:"pin,omitempty"`

	// latestVersion is the name of the newest TryOnModelVersion.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	LatestVersion string `json:"latestVersion,omitempty"`

	// readyVersion is the name of the newest TryOnModelVersion that passed its gates.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ReadyVersion string `json:"readyVersion,omitempty"`

	// score of readyVersion, for people.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Score string `json:"score,omitempty"`
}

// PinStatus records what a pin Job found.
type PinStatus struct {
	// key of the pin's input: source, layout, requested digest and the value of the retry annotation.
	// +optional
	Key Digest `json:"key,omitempty"`

	// message says why the content cannot be used; empty when it can.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// digest of the dataset's canonical manifest; absent when the content cannot be used.
	// +optional
	Digest Digest `json:"digest,omitempty"`

	// contents counts the dataset.
	// +optional
	Contents DatasetContents `json:"contents,omitempty,omitzero"`
}

// TryOnModel says which data, which method and which quality; the operator pins, tests, trains, evaluates and versions.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=tom,categories=tryon
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 40",message="the name may have at most 40 characters, because the names of its versions and Jobs are made from it"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="the name must begin with a letter and have only lower-case letters, digits and '-', because Services and training jobs are named after it"
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Progress",type=string,JSONPath=`.status.progress`
// +kubebuilder:printcolumn:name="Dataset",type=string,JSONPath=`.status.dataset`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.readyVersion`
// +kubebuilder:printcolumn:name="Score",type=string,JSONPath=`.status.score`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type TryOnModel struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what the user wants.
	// +required
	Spec TryOnModelSpec `json:"spec,omitempty,omitzero"`

	// status is what the operator has made of it.
	// +optional
	Status TryOnModelStatus `json:"status,omitempty,omitzero"`
}

// TryOnModelList is a list of models.
// +kubebuilder:object:root=true
type TryOnModelList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the list.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items of the list.
	Items []TryOnModel `json:"items"`
}
