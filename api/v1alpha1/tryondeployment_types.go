package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TryOnDeploymentSpec says which version of a model is served, and how it may change.
// +kubebuilder:validation:XValidation:rule="!has(self.gates) || (has(self.rollout) && has(self.rollout.steps) && self.rollout.steps.exists(s, has(s.shadow) || has(s.replay)))",message="gates are judged in shadow or in a replay; begin rollout.steps with such a step, or remove gates"
// +kubebuilder:validation:XValidation:rule="!has(self.scaling) || !has(self.scaling.targetBacklog) || duration(self.scaling.targetBacklog) <= duration(has(self.sidecar) && has(self.sidecar.requestTimeout) ? self.sidecar.requestTimeout : '30s')",message="scaling.targetBacklog is above sidecar.requestTimeout, so every request that waits so long is refused; lower targetBacklog, or raise requestTimeout"
// +kubebuilder:validation:XValidation:rule="!has(self.rollout) || !has(self.rollout.strategy) || self.rollout.strategy != 'InPlace' || (has(self.scaling) ? has(self.scaling.minReplicas) && self.scaling.minReplicas >= 2 : self.replicas >= 2)",message="rollout.strategy InPlace takes one pod away while the next version starts, so with one replica nobody would serve: set replicas, or with scaling minReplicas, to 2 or more, or use Surge"
type TryOnDeploymentSpec struct {
	// model that is served.
	// +required
	Model ServedModel `json:"model,omitempty,omitzero"`

	// replicas of the serving pod; 1 when not set. With scaling it is the number to begin with, and raising it asks for so many pods for
	// a scaleDownDelay.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Replicas int32 `json:"replicas,omitempty"`

	// scaling has the number of pods follow the work; without it there are replicas pods.
	// +optional
	Scaling ScalingSpec `json:"scaling,omitempty,omitzero"`

	// runtime that computes the pictures.
	// +optional
	Runtime RuntimeSpec `json:"runtime,omitempty,omitzero"`

	// sidecar that takes the shoppers' requests.
	// +optional
	Sidecar SidecarSpec `json:"sidecar,omitempty,omitzero"`

	// catalogue holds garments by id, as <id>.png or <id>.jpg; without it a request has to bring the garment's picture.
	// +optional
	Catalogue BlobSource `json:"catalogue,omitempty,omitzero"`

	// rollout says how a new version takes over.
	// +optional
	Rollout RolloutSpec `json:"rollout,omitempty,omitzero"`

	// gates that a new version has to keep, compared with the stable one on the same requests, before it gets a share. With a shadow or
	// replay step and no gates they are latency-p95-ratio 1.10, error-rate-difference 0.01 and artefact-rate-difference 0.01.
	// +optional
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Gates []LiveGate `json:"gates,omitempty"`

	// capture keeps a sample of the answered try-ons for a while, in a place that you name; replays put them again, and the reports of
	// judgements show them. Kept are the pictures that the model saw (person, garment and its mask) and made, at its resolution, with the
	// time, the version and a seed that was given: no header, no address and no upload as it came. A request with the header
	// "Tryon-Capture: no" is never kept. Everything is removed after ttl, and when capture is taken out of the spec, moved to another
	// place, or the object is deleted. Without capture nothing that identifies a shopper leaves a pod.
	// +optional
	Capture CaptureSpec `json:"capture,omitempty,omitzero"`

	// placement of the serving pods.
	// +optional
	Placement PodPlacement `json:"placement,omitempty,omitzero"`
}

// ServedModel names a model and, where it is fixed, its version.
type ServedModel struct {
	// name of a TryOnModel of the same namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name,omitempty"`

	// version that is served; the newest that passed its gates when not set.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Version int64 `json:"version,omitempty"`
}

// RuntimeSpec configures the model server.
// +kubebuilder:validation:MinProperties=1
type RuntimeSpec struct {
	// image whose /tryon-runtime speaks the Open Inference Protocol v2 and takes the flags of the built-in one; the built-in runtime when
	// not set.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*(:[0-9]{1,5})?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$')",message="must be an image reference, [registry[:port]/]name[:tag][@sha256:<64 hexadecimal digits>] with the name in lower case, for example registry.example/vton/trainer:1.2"
	Image string `json:"image,omitempty"`

	// resources of the runtime container, GPUs included; 250m CPU, 512Mi and a limit of 4Gi of memory when not set.
	// +optional
	Resources *ResourceRequirements `json:"resources,omitempty"`
}

// SidecarSpec configures the Go sidecar.
// +kubebuilder:validation:MinProperties=1
type SidecarSpec struct {
	// resources of the sidecar container. It keeps to its memory limit or, without one, to what it requests, of which it needs 640Mi at least;
	// 640Mi, which is its limit as well, and 100m CPU when not set.
	// +optional
	// +kubebuilder:validation:XValidation:rule="[has(self.limits) && 'memory' in self.limits ? quantity(string(self.limits['memory'])) : quantity('0'), has(self.requests) && 'memory' in self.requests ? quantity(string(self.requests['memory'])) : quantity('0'), quantity('640Mi')].filter(q, q.compareTo(quantity('0')) != 0)[0].compareTo(quantity('640Mi')) >= 0",message="the sidecar needs 640Mi of memory for one photo of 24 million pixels: give limits.memory or, without a limit, requests.memory at least 640Mi, or leave it out"
	Resources *ResourceRequirements `json:"resources,omitempty"`

	// requestTimeout is how long a shopper's request may take, queueing included; 30s when not set.
	// +optional
	// +default="30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=24
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('10m')",message="must be from 1s to 10m, written like 90s, 10m or 1h30m"
	RequestTimeout *metav1.Duration `json:"requestTimeout,omitempty"`

	// maxBatch is how many waiting try-ons may share one run of the model, where the model server takes so many and answers them like one;
	// 1 when not set. Worth raising where a run of several takes less than its part each, as on GPUs.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16
	MaxBatch int32 `json:"maxBatch,omitempty"`
}

// TryOnDeploymentStatus is what is served now.
// +kubebuilder:validation:MinProperties=1
type TryOnDeploymentStatus struct {
	// conditions are Ready, Available, ModelResolved, RolledOut, Commanded while the rollout annotation is set, ScalingLimited with
	// spec.scaling, CatalogueReadable with spec.catalogue, JudgementReported once a judgement has ended, and Capturing while requests are
	// kept or some may be left.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// stable is the name of the TryOnModelVersion that is served.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Stable string `json:"stable,omitempty"`

	// candidate is the rollout that is under way; absent when there is none.
	// +optional
	Candidate *CandidateStatus `json:"candidate,omitempty"`

	// judgement of the candidate; of the last one when there is none now.
	// +optional
	Judgement *JudgementStatus `json:"judgement,omitempty"`

	// rejected are the versions that are not tried again: until the spec changes in more than replicas, scaling and capture, a newer
	// version comes, or the annotation tryon.braincreators.com/retry gets a new value. Newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Rejected []RejectedVersion `json:"rejected,omitempty"`

	// history says which version was served when, and which were taken back. Newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	History []HistoryEntry `json:"history,omitempty"`

	// weight of the candidate, for people, for example 10% or shadow 20%.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Weight string `json:"weight,omitempty"`

	// replicas that the selector selects.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Replicas *int32 `json:"replicas,omitempty"`

	// readyReplicas that the selector selects.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ReadyReplicas *int32 `json:"readyReplicas,omitempty"`

	// scaling is how many pods the work asks for; absent without spec.scaling.
	// +optional
	Scaling *ScalingStatus `json:"scaling,omitempty"`

	// capture is where captured requests may lie now; absent when none can. The object is kept until that place is erased.
	// +optional
	Capture *CaptureStatus `json:"capture,omitempty"`

	// selector of the pods among which the requests are divided, for the scale subresource: those of the stable version, and of the candidate
	// while it has a share or takes the stable version's places.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Selector string `json:"selector,omitempty"`

	// url at which shoppers' requests are taken inside the cluster.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	URL string `json:"url,omitempty"`

	// pods is ready and wanted pods of the stable version, for people, for example 2/2.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Pods string `json:"pods,omitempty"`
}

// CandidateStatus is a rollout under way.
type CandidateStatus struct {
	// version is the name of the TryOnModelVersion that takes over.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Version string `json:"version,omitempty"`

	// step of spec.rollout.steps that applies, from 0; absent until the candidate is ready.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Step *int32 `json:"step,omitempty"`

	// controlGeneration is the generation of the control document that carries the step.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ControlGeneration *int64 `json:"controlGeneration,omitempty"`

	// appliedTime is when every serving pod reported that it applies the step; absent before.
	// +optional
	AppliedTime *metav1.Time `json:"appliedTime,omitempty"`

	// startTime is when the deadline began to run; absent during a pause.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// forwards is what came of the requests while the candidate had a share; absent before.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=80
	Forwards []ForwardCounts `json:"forwards,omitempty"`
}

// TryOnDeployment serves a version of a TryOnModel and moves to the next one without a failed request.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:resource:shortName=tod,categories=tryon
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 40",message="the name may have at most 40 characters, because the names of its Services and Deployments are made from it"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="the name must begin with a letter and have only lower-case letters, digits and '-', because it is the name of a Service"
// +kubebuilder:printcolumn:name="Stable",type=string,JSONPath=`.status.stable`
// +kubebuilder:printcolumn:name="Candidate",type=string,JSONPath=`.status.candidate.version`
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Weight",type=string,JSONPath=`.status.weight`
// +kubebuilder:printcolumn:name="Pods",type=string,JSONPath=`.status.pods`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="URL",type=string,priority=1,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type TryOnDeployment struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what the user wants.
	// +required
	Spec TryOnDeploymentSpec `json:"spec,omitempty,omitzero"`

	// status is what is served now.
	// +optional
	Status TryOnDeploymentStatus `json:"status,omitempty,omitzero"`
}

// TryOnDeploymentList is a list of deployments.
// +kubebuilder:object:root=true
type TryOnDeploymentList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the list.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items of the list.
	Items []TryOnDeployment `json:"items"`
}
