package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TryOnDatasetVersionSpec is the immutable record of one content of a dataset and of the tests it has to pass.
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a TryOnDatasetVersion is an immutable record; change the TryOnModel instead"
type TryOnDatasetVersionSpec struct {
	// source that the content was read from.
	// +required
	Source BlobSource `json:"source,omitempty,omitzero"`

	// layout of the files.
	// +required
	Layout DatasetLayout `json:"layout,omitempty"`

	// digest of the canonical manifest: the identity of the content.
	// +required
	Digest Digest `json:"digest,omitempty"`

	// license of the data, as an SPDX expression.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	License string `json:"license,omitempty"`

	// contents counts the files and pairs.
	// +required
	Contents DatasetContents `json:"contents,omitempty,omitzero"`

	// checks that differ from the standard suite of data unit tests.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Checks []CheckOverride `json:"checks,omitempty"`
}

// DatasetContents counts a dataset.
type DatasetContents struct {
	// files in the manifest.
	// +required
	// +kubebuilder:validation:Minimum=0
	Files *int64 `json:"files,omitempty"`

	// bytes of all files.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Bytes *int64 `json:"bytes,omitempty"`

	// trainPairs is the number of rows of the training pair list.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TrainPairs *int64 `json:"trainPairs,omitempty"`

	// testPairs is the number of rows of the test pair list.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TestPairs *int64 `json:"testPairs,omitempty"`

	// height of the person images in pixels.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Height *int32 `json:"height,omitempty"`

	// width of the person images in pixels.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Width *int32 `json:"width,omitempty"`
}

// TryOnDatasetVersionStatus is the verdict of the data unit tests.
// +kubebuilder:validation:MinProperties=1
type TryOnDatasetVersionStatus struct {
	// conditions are Ready, DataTestsPassed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// tests is the outcome of the data unit tests; absent until they have run.
	// +optional
	Tests *DataTestsStatus `json:"tests,omitempty"`

	// summary of the outcome, for people.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Summary string `json:"summary,omitempty"`
}

// DataTestVerdict is the outcome of the data unit tests.
// +kubebuilder:validation:Enum=Passed;Failed;Errored
type DataTestVerdict string

const (
	// DataTestsVerdictPassed: no blocking check failed.
	DataTestsVerdictPassed DataTestVerdict = "Passed"
	// DataTestsVerdictFailed: a blocking check failed.
	DataTestsVerdictFailed DataTestVerdict = "Failed"
	// DataTestsVerdictErrored: the tests came to their end, but their report makes no sense.
	DataTestsVerdictErrored DataTestVerdict = "Errored"
)

// DataTestsStatus records a finished run of the data unit tests.
type DataTestsStatus struct {
	// key of the tests' input: dataset digest, checks, the worker that ran them and the value of the retry annotation.
	// +optional
	Key Digest `json:"key,omitempty"`

	// verdict of all checks together.
	// +optional
	Verdict DataTestVerdict `json:"verdict,omitempty"`

	// checks that were run.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Checks *int32 `json:"checks,omitempty"`

	// failed checks of severity Block.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Failed *int32 `json:"failed,omitempty"`

	// warned checks of severity Warn.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Warned *int32 `json:"warned,omitempty"`

	// message names the first failing check, its count and its first offender, or what is wrong with the report.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// report in the artefact store, with JSON, JUnit and HTML beside each other.
	// +optional
	Report *ReportReference `json:"report,omitempty"`
}

// TryOnDatasetVersion is the immutable record of one content of a dataset, with the verdict of its data unit tests. The operator writes it.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=todv,categories=tryon
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Tests",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Train",type=integer,JSONPath=`.spec.contents.trainPairs`
// +kubebuilder:printcolumn:name="Test",type=integer,JSONPath=`.spec.contents.testPairs`
// +kubebuilder:printcolumn:name="License",type=string,JSONPath=`.spec.license`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Digest",type=string,priority=1,JSONPath=`.spec.digest`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type TryOnDatasetVersion struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is the record.
	// +required
	Spec TryOnDatasetVersionSpec `json:"spec,omitempty,omitzero"`

	// status is the verdict of the data unit tests.
	// +optional
	Status TryOnDatasetVersionStatus `json:"status,omitempty,omitzero"`
}

// TryOnDatasetVersionList is a list of dataset versions.
// +kubebuilder:object:root=true
type TryOnDatasetVersionList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the list.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items of the list.
	Items []TryOnDatasetVersion `json:"items"`
}
