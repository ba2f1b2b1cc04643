package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TryOnModelVersionSpec is the immutable plan of one version: everything that its weights depend on.
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a TryOnModelVersion is an immutable record; change the TryOnModel to get a new version"
type TryOnModelVersionSpec struct {
	// model that the version belongs to.
	// +required
	Model ModelReference `json:"model,omitempty,omitzero"`

	// version counts the versions of the model from 1.
	// +required
	// +kubebuilder:validation:Minimum=1
	Version int64 `json:"version,omitempty"`

	// method is the name of the TryOnMethod that the stages were taken from.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Method string `json:"method,omitempty"`

	// dataset that the version is trained and evaluated on.
	// +required
	Dataset VersionDataset `json:"dataset,omitempty,omitzero"`

	// licenses of everything that the weights descend from, as SPDX expressions.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Licenses []string `json:"licenses,omitempty"`

	// backend that runs the stages.
	// +required
	Backend Backend `json:"backend,omitempty"`

	// stages with the model's changes already applied.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Stages []MethodStage `json:"stages,omitempty"`

	// serving says which stage is served, and how.
	// +required
	Serving MethodServing `json:"serving,omitempty,omitzero"`

	// evaluation says what the version has to score.
	// +optional
	Evaluation EvaluationSpec `json:"evaluation,omitempty,omitzero"`

	// placement of the pods.
	// +optional
	Placement PodPlacement `json:"placement,omitempty,omitzero"`
}

// ModelReference names a TryOnModel of the same namespace.
type ModelReference struct {
	// name of the TryOnModel.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`
}

// VersionDataset is the dataset version that a model version is trained on.
type VersionDataset struct {
	// name of the TryOnDatasetVersion.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// digest of its content.
	// +required
	Digest Digest `json:"digest,omitempty"`
}

// StageState is where a stage stands.
// +kubebuilder:validation:Enum=Pending;Running;Succeeded;Failed
type StageState string

const (
	// StagePending: the stage has no pod yet, or none that runs.
	StagePending StageState = "Pending"
	// StageRunning: the stage trains.
	StageRunning StageState = "Running"
	// StageSucceeded: the stage left weights.
	StageSucceeded StageState = "Succeeded"
	// StageFailed: the stage ended without weights and is not tried again.
	StageFailed StageState = "Failed"
)

// StageStatus is the outcome of one stage.
type StageStatus struct {
	// name of the stage.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Name string `json:"name,omitempty"`

	// state of the stage.
	// +optional
	State StageState `json:"state,omitempty"`

	// key is the digest of everything that the stage's output depends on.
	// +optional
	Key Digest `json:"key,omitempty"`

	// weights is the digest of the stage's output.
	// +optional
	Weights Digest `json:"weights,omitempty"`

	// steps that were trained.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Steps *int64 `json:"steps,omitempty"`

	// seconds of wall time over all attempts.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Seconds *int64 `json:"seconds,omitempty"`

	// gpuSeconds is the wall time times the GPUs of all nodes.
	// +optional
	// +kubebuilder:validation:Minimum=0
	GPUSeconds *int64 `json:"gpuSeconds,omitempty"`

	// reusedFrom is the version whose output with the same key was taken instead of training again.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ReusedFrom string `json:"reusedFrom,omitempty"`

	// message about the current state.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// Score is one metric's value.
type Score struct {
	// metric that was measured.
	// +required
	Metric Metric `json:"metric,omitempty"`

	// value of the version.
	// +required
	// +kubebuilder:validation:MinLength=1
	Value Decimal `json:"value,omitempty"`

	// copyPerson is the value of the baseline that answers with the person unchanged.
	// +optional
	CopyPerson *Decimal `json:"copyPerson,omitempty"`

	// pasteGarment is the value of the baseline that pastes the flat garment onto the person.
	// +optional
	PasteGarment *Decimal `json:"pasteGarment,omitempty"`
}

// EvaluationStatus records a finished evaluation.
type EvaluationStatus struct {
	// key of the evaluation's input.
	// +optional
	Key Digest `json:"key,omitempty"`

	// evaluator identifies everything that the scores depend on besides the weights; only equal evaluators compare.
	// +optional
	Evaluator Digest `json:"evaluator,omitempty"`

	// protocol is unpaired-truth or paired.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Protocol string `json:"protocol,omitempty"`

	// cases that were scored.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Cases *int32 `json:"cases,omitempty"`

	// scores beside both baselines.
	// +optional
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MaxItems=16
	Scores []Score `json:"scores,omitempty"`

	// golden is the digest of the golden requests recorded from the serving runtime.
	// +optional
	Golden Digest `json:"golden,omitempty"`

	// report in the artefact store, with JSON, HTML and the contact sheet beside each other.
	// +optional
	Report *ReportReference `json:"report,omitempty"`
}

// WeightsStatus is what the version serves.
type WeightsStatus struct {
	// key of the publishing's input.
	// +optional
	Key Digest `json:"key,omitempty"`

	// digest of the servable tree: model, signature, golden requests and card.
	// +optional
	Digest Digest `json:"digest,omitempty"`

	// bytes of the tree.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Bytes *int64 `json:"bytes,omitempty"`

	// height of the model's input in pixels.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Height int32 `json:"height,omitempty"`

	// width of the model's input in pixels.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Width int32 `json:"width,omitempty"`
}

// WorkFailure records work that came to its end without a result.
type WorkFailure struct {
	// key of the work's input.
	// +optional
	Key Digest `json:"key,omitempty"`

	// message says what was wrong with it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// TryOnModelVersionStatus is the outcome of a version.
// +kubebuilder:validation:MinProperties=1
type TryOnModelVersionStatus struct {
	// conditions are Ready, TrainingCompleted, EvaluationPassed, Published.
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

	// stages in the order of the plan.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Stages []StageStatus `json:"stages,omitempty"`

	// evaluation of what is served; absent until it has run.
	// +optional
	Evaluation *EvaluationStatus `json:"evaluation,omitempty"`

	// weights that were published; absent until the version passed.
	// +optional
	Weights *WeightsStatus `json:"weights,omitempty"`

	// failure of the evaluation or the publishing that ended without a result; it is not tried again until the retry annotation asks.
	// +optional
	Failure *WorkFailure `json:"failure,omitempty"`

	// gpuSeconds of all stages that this version trained itself.
	// +optional
	// +kubebuilder:validation:Minimum=0
	GPUSeconds *int64 `json:"gpuSeconds,omitempty"`

	// score for people.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Score string `json:"score,omitempty"`

	// retry is the value of the annotation tryon.braincreators.com/retry that was last acted on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Retry string `json:"retry,omitempty"`
}

// TryOnModelVersion is the immutable plan of one version of a model, and its outcome. The operator writes it.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=tomv,categories=tryon
// +kubebuilder:printcolumn:name="Model",type=string,JSONPath=`.spec.model.name`
// +kubebuilder:printcolumn:name="Version",type=integer,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Progress",type=string,JSONPath=`.status.progress`
// +kubebuilder:printcolumn:name="Score",type=string,JSONPath=`.status.score`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Dataset",type=string,priority=1,JSONPath=`.spec.dataset.name`
// +kubebuilder:printcolumn:name="Weights",type=string,priority=1,JSONPath=`.status.weights.digest`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type TryOnModelVersion struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is the plan.
	// +required
	Spec TryOnModelVersionSpec `json:"spec,omitempty,omitzero"`

	// status is the outcome.
	// +optional
	Status TryOnModelVersionStatus `json:"status,omitempty,omitzero"`
}

// TryOnModelVersionList is a list of model versions.
// +kubebuilder:object:root=true
type TryOnModelVersionList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the list.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items of the list.
	Items []TryOnModelVersion `json:"items"`
}
