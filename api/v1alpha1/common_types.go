package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// Decimal is a number written as a string, such as "0.87" or "-1.5", because the API has no floating point.
// +kubebuilder:validation:MaxLength=24
// +kubebuilder:validation:Pattern=`^-?[0-9]+(\.[0-9]+)?$`
type Decimal string

// Digest is the content address of an artefact: "sha256:" and 64 hexadecimal digits.
// +kubebuilder:validation:MinLength=71
// +kubebuilder:validation:MaxLength=71
// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
type Digest string

// DatasetLayout names how the files of a dataset are arranged.
// +kubebuilder:validation:Enum=VITONHD
type DatasetLayout string

// LayoutVITONHD is the layout of VITON-HD: train and test folders with image, cloth, cloth-mask, image-parse-v3, openpose_json and agnostic-v3.2.
const LayoutVITONHD DatasetLayout = "VITONHD"

// SecretReference names a Secret in the namespace of the object that refers to it.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// BlobSource is a folder of files in a volume or a bucket.
// +kubebuilder:validation:XValidation:rule="!has(self.secretRef) || self.uri.startsWith('s3://')",message="secretRef takes effect with s3:// only; remove it, or use an s3:// uri"
type BlobSource struct {
	// uri of the folder: pvc://<claim>/<path> for a PersistentVolumeClaim of the same namespace, or s3://<bucket>/<prefix>,
	// with ?endpoint=https://… for a store other than AWS.
	// +required
	// +kubebuilder:validation:MinLength=7
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^(pvc|s3)://[a-zA-Z0-9][a-zA-Z0-9._-]*(/[^?#]*)?([?][^#]*)?$')",message="must be pvc://<claim>/<path> or s3://<bucket>/<prefix>"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('pvc://') || self.matches('^pvc://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/|$)')",message="pvc:// is followed by a claim of the same namespace, whose name has only lower-case letters, digits, '-' and '.'"
	// +kubebuilder:validation:XValidation:rule="!self.contains('endpoint=') || self.matches('[?&]endpoint=https?://[a-zA-Z0-9]')",message="endpoint is a URL, such as ?endpoint=https://minio.example"
	// +kubebuilder:validation:XValidation:rule="!self.contains('/../') && !self.endsWith('/..')",message="must not contain '..'"
	URI string `json:"uri,omitempty"`

	// secretRef names a Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (optionally AWS_REGION), for s3:// sources.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitempty,omitzero"`
}

// PodPlacement is the part of a pod's configuration that decides where and as whom it runs.
// +kubebuilder:validation:MinProperties=1
type PodPlacement struct {
	// nodeSelector restricts the nodes by label.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations of node taints, for example of GPU nodes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// serviceAccountName of the pods; the namespace's default when empty. Its token is not mounted.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// imagePullSecrets for private registries.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	ImagePullSecrets []SecretReference `json:"imagePullSecrets,omitempty"`
}

// Backend is what runs the training stages.
// +kubebuilder:validation:Enum=Auto;Job;PyTorchJob
type Backend string

const (
	// BackendAuto takes PyTorchJob where the cluster serves it and a stage asks for several nodes or GPUs, else Job.
	BackendAuto Backend = "Auto"
	// BackendJob runs each stage as a plain batch/v1 Job of one pod.
	BackendJob Backend = "Job"
	// BackendPyTorchJob runs each stage as a PyTorchJob of the Kubeflow training-operator.
	BackendPyTorchJob Backend = "PyTorchJob"
)

// CheckSeverity is what a failing data unit test does.
// +kubebuilder:validation:Enum=Block;Warn;Report;Off
type CheckSeverity string

const (
	// SeverityBlock stops the model before any training pod exists.
	SeverityBlock CheckSeverity = "Block"
	// SeverityWarn is shown in the condition but stops nothing.
	SeverityWarn CheckSeverity = "Warn"
	// SeverityReport is shown in the report only.
	SeverityReport CheckSeverity = "Report"
	// SeverityOff switches the check off.
	SeverityOff CheckSeverity = "Off"
)

// CheckOverride changes one data unit test of the standard suite.
// +kubebuilder:validation:XValidation:rule="has(self.severity) || has(self.budget)",message="set severity, budget or both"
type CheckOverride struct {
	// name of the check, for example train-test-leak; docs/reference/data-tests.md lists them.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="must be lower-case words joined by '-'"
	Name string `json:"name,omitempty"`

	// severity of the check instead of the suite's.
	// +optional
	Severity CheckSeverity `json:"severity,omitempty"`

	// budget is the share of offending rows that is allowed, for example "1%".
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^(100|[0-9]{1,2}([.][0-9]{1,3})?)%$')",message="must be a percentage from 0% to 100%, for example 1%"
	Budget string `json:"budget,omitempty"`
}

// Metric names a score of the evaluation.
// +kubebuilder:validation:Enum=ssim;garment-ssim;psnr;l1
type Metric string

const (
	// MetricSSIM is the mean structural similarity over the whole picture, 0..1, higher is better.
	MetricSSIM Metric = "ssim"
	// MetricGarmentSSIM is SSIM inside the union of the old and the new garment, 0..1, higher is better.
	MetricGarmentSSIM Metric = "garment-ssim"
	// MetricPSNR is the peak signal-to-noise ratio in dB, higher is better.
	MetricPSNR Metric = "psnr"
	// MetricL1 is the mean absolute difference, 0..1, lower is better.
	MetricL1 Metric = "l1"
)

// MetricGate is a bound that a version's score has to keep before it may be served.
// +kubebuilder:validation:XValidation:rule="has(self.min) || has(self.max) || has(self.minGain)",message="set at least one of min, max and minGain"
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || double(self.min) <= double(self.max)",message="min must not be above max"
// +kubebuilder:validation:XValidation:rule="self.metric == 'psnr' || [has(self.min) ? self.min : '0', has(self.max) ? self.max : '0', has(self.minGain) ? self.minGain : '0'].all(b, b.matches('^-?0*(0([.][0-9]+)?|1([.]0+)?)$'))",message="ssim, garment-ssim and l1 lie between 0 and 1, so bounds and gains lie between -1 and 1: write 0.87 for 87 percent"
type MetricGate struct {
	// metric that is bounded.
	// +required
	Metric Metric `json:"metric,omitempty"`

	// min is the lowest score that passes.
	// +optional
	Min *Decimal `json:"min,omitempty"`

	// max is the highest score that passes.
	// +optional
	Max *Decimal `json:"max,omitempty"`

	// minGain is by how much the score has to beat the better of the two baselines, copy-person and paste-garment, in the metric's
	// good direction.
	// +optional
	MinGain *Decimal `json:"minGain,omitempty"`
}

// ReportReference points to a full report in the artefact store.
type ReportReference struct {
	// uri is the report's name below the root of the artefact store.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	URI string `json:"uri,omitempty"`

	// digest of the report.
	// +optional
	Digest Digest `json:"digest,omitempty"`
}
