package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RolloutSpec says how a new version takes over from the one that is served.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.onSilence) || (has(self.steps) && self.steps.exists(s, has(s.shadow) || has(s.replay)))",message="onSilence takes effect with a shadow or replay step only; begin steps with one, or remove onSilence"
// +kubebuilder:validation:XValidation:rule="!has(self.onSilence) || self.onSilence != 'Replay' || !has(self.steps) || !self.steps.exists(s, has(s.replay))",message="onSilence Replay takes effect with a shadow step: a replay step has put all requests that there are; use Hold or Reject"
type RolloutSpec struct {
	// strategy is where the new version's pods come from: with Surge they start beside those that serve, with InPlace they replace them one
	// at a time. Surge when not set.
	// +optional
	Strategy RolloutStrategy `json:"strategy,omitempty"`

	// steps in order; after the last one the new version takes everything. At once when not set.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:XValidation:rule="self.filter(i, !has(i.weight)).size() == 0 || (!has(self[0].weight) && self.filter(i, !has(i.weight)).size() == 1)",message="there is one shadow or replay step at most, and it comes first: a version is judged before it gets a share"
	// +kubebuilder:validation:XValidation:rule="self.filter(i, has(i.weight)).map(i, i.weight).isSorted()",message="weights may not fall from step to step"
	Steps []RolloutStep `json:"steps,omitempty"`

	// deadline is how long a new version may take until it is ready and, with a shadow step, judged; 24h when not set. One that fails
	// later than this is rejected instead of tried again. A pause starts it anew.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=24
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1m') && duration(self) <= duration('720h')",message="must be from 1m to 720h, written like 90s, 10m or 1h30m"
	Deadline *metav1.Duration `json:"deadline,omitempty"`

	// onSilence says what follows when there is no verdict, because too few requests came by the deadline or are known to a replay: Hold
	// goes on collecting, Reject takes the new version away, Replay puts known requests to both versions in a Job at the deadline. Hold when not set.
	// +optional
	OnSilence SilencePolicy `json:"onSilence,omitempty"`
}

// RolloutStrategy says where the pods of a new version come from.
// +kubebuilder:validation:Enum=Surge;InPlace
type RolloutStrategy string

const (
	// StrategySurge starts all pods of the new version beside those that serve: no capacity is missing, and the cluster needs room for both.
	StrategySurge RolloutStrategy = "Surge"
	// StrategyInPlace drains one pod at a time and starts one of the new version in its place: one pod is missing, and no room is needed.
	StrategyInPlace RolloutStrategy = "InPlace"
)

// SilencePolicy says what follows when there is no verdict at the deadline.
// +kubebuilder:validation:Enum=Hold;Reject;Replay
type SilencePolicy string

const (
	// SilenceHold goes on collecting evidence.
	SilenceHold SilencePolicy = "Hold"
	// SilenceReject takes the candidate away.
	SilenceReject SilencePolicy = "Reject"
	// SilenceReplay has a replay decide.
	SilenceReplay SilencePolicy = "Replay"
)

// RolloutStep tries the new version on a part of the requests for some time.
// +kubebuilder:validation:ExactlyOneOf=shadow;replay;weight
// +kubebuilder:validation:XValidation:rule="!has(self.replay) || !has(self.hold)",message="a replay lasts until its requests are put; remove hold"
type RolloutStep struct {
	// shadow puts answered requests to the new version once more, off the live path, and compares both answers. The step ends with the
	// verdict of spec.gates; the comparison goes on during the steps after it, and a version that turns out worse there is taken back.
	// +optional
	Shadow ShadowStep `json:"shadow,omitempty,omitzero"`

	// replay puts known requests to both versions in a Job, before the new version gets pods: the golden requests of both and the test split
	// of the dataset that the stable one was trained on. The step ends with the verdict of spec.gates.
	// +optional
	Replay *ReplayStep `json:"replay,omitempty"`

	// weight is the new version's share of the requests in percent.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight int32 `json:"weight,omitempty"`

	// hold is how long the step lasts at least, once every pod applies it; 0s when not set.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=24
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('0s') && duration(self) <= duration('168h')",message="must be from 0s to 168h, written like 90s, 10m or 1h30m"
	Hold *metav1.Duration `json:"hold,omitempty"`
}

// ShadowStep compares the new version with the stable one on copies of answered requests.
type ShadowStep struct {
	// samplePercent is the share of answered requests that the new version answers once more.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	SamplePercent int32 `json:"samplePercent,omitempty"`
}

// ReplayStep compares the new version with the stable one on known requests, for deployments with little traffic or no spare GPU.
type ReplayStep struct {
	// resources of each of the two model servers in the Job's pod; those of spec.runtime when not set. Give them without GPUs where none
	// is spare.
	// +optional
	Resources *ResourceRequirements `json:"resources,omitempty"`
}

// LiveMetric compares the new version with the stable one on the same live requests; more is worse.
// +kubebuilder:validation:Enum=latency-p95-ratio;error-rate-difference;artefact-rate-difference
type LiveMetric string

const (
	// LiveLatency is the 95th percentile of the runtime's time per request, candidate / stable.
	LiveLatency LiveMetric = "latency-p95-ratio"
	// LiveErrors is the share of requests that end in an error, candidate − stable.
	LiveErrors LiveMetric = "error-rate-difference"
	// LiveArtefacts is the share of pictures with a visible fault, candidate − stable.
	LiveArtefacts LiveMetric = "artefact-rate-difference"
)

// LiveGate is the worst value of a metric with which a new version still gets the requests.
// +kubebuilder:validation:XValidation:rule="self.metric != 'latency-p95-ratio' || (double(self.max) >= 0.5 && double(self.max) <= 10.0)",message="max of latency-p95-ratio is a ratio from 0.5 to 10, candidate / stable: 1.10 allows ten percent slower"
// +kubebuilder:validation:XValidation:rule="self.metric == 'latency-p95-ratio' || (double(self.max) > 0.0 && double(self.max) <= 0.5)",message="max of a rate difference is above 0 and at most 0.5, candidate − stable: 0.01 allows one more in a hundred"
type LiveGate struct {
	// metric that is bounded.
	// +required
	Metric LiveMetric `json:"metric,omitempty"`

	// max is the worst value that is acceptable. The closer to equality, the more requests a verdict takes.
	// +required
	// +kubebuilder:validation:MinLength=1
	Max Decimal `json:"max,omitempty"`
}

// JudgementStatus is what the evidence shows so far.
type JudgementStatus struct {
	// epoch names the question; evidence of two epochs is never added up.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=80
	Epoch string `json:"epoch,omitempty"`

	// candidate is the name of the judged TryOnModelVersion.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Candidate string `json:"candidate,omitempty"`

	// verdict is Promote, Reject or KeepCollecting.
	// +optional
	Verdict LiveVerdict `json:"verdict,omitempty"`

	// rule is the sentence of the gate that decided, or of the one that is waited for.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Rule string `json:"rule,omitempty"`

	// sinceTime is when the first evidence was asked for.
	// +optional
	SinceTime *metav1.Time `json:"sinceTime,omitempty"`

	// updatedTime is when this summary was written.
	// +optional
	UpdatedTime *metav1.Time `json:"updatedTime,omitempty"`

	// gates and what is known about each.
	// +optional
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MaxItems=8
	Gates []GateStatus `json:"gates,omitempty"`

	// dropped counts reports of pods that were refused, by reason, for example "3 Replayed"; absent when none was.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Dropped string `json:"dropped,omitempty"`

	// restarts counts how often the evidence was lost and collected anew.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Restarts *int32 `json:"restarts,omitempty"`

	// report is the page of the judgement once it was decided: JSON, with the HTML page and its pictures beside it as report.html.
	// Absent until it is made.
	// +optional
	Report *ReportReference `json:"report,omitempty"`
}

// LiveVerdict is what a judgement comes to.
// +kubebuilder:validation:Enum=Promote;Reject;KeepCollecting
type LiveVerdict string

// GateStatus is what the evidence shows about one gate.
type GateStatus struct {
	// metric of the gate.
	// +required
	Metric LiveMetric `json:"metric,omitempty"`

	// max is the worst value that is acceptable.
	// +optional
	Max *Decimal `json:"max,omitempty"`

	// verdict of this gate alone.
	// +optional
	Verdict LiveVerdict `json:"verdict,omitempty"`

	// estimate is the most likely value; absent without evidence.
	// +optional
	Estimate *Decimal `json:"estimate,omitempty"`

	// low is the lower end of the confidence interval, which holds at all times at once; absent where nothing is known.
	// +optional
	Low *Decimal `json:"low,omitempty"`

	// high is the upper end of the confidence interval; absent where nothing is known.
	// +optional
	High *Decimal `json:"high,omitempty"`

	// have counts the pairs of answers so far.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Have *int64 `json:"have,omitempty"`

	// need is how many a verdict takes if what comes looks like what came; absent when that cannot be told yet.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Need *int64 `json:"need,omitempty"`
}

// ForwardCounts counts requests while the candidate had a share, by whose turn it was. What was the request's own fault is no failure.
type ForwardCounts struct {
	// instance is the serving pod's process that counts under the present control document; absent for the sum of what was counted under
	// earlier ones that gave the same share.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Instance string `json:"instance,omitempty"`

	// controlGeneration is the generation of that document; absent without an instance.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ControlGeneration int64 `json:"controlGeneration,omitempty"`

	// weight is the share in percent.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight int32 `json:"weight,omitempty"`

	// stable counts the requests that were the stable version's to answer.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Stable *int64 `json:"stable,omitempty"`

	// stableFailed counts those of them that it failed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	StableFailed *int64 `json:"stableFailed,omitempty"`

	// candidate counts the requests that were forwarded.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Candidate *int64 `json:"candidate,omitempty"`

	// candidateFailed counts those of them that the candidate failed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	CandidateFailed *int64 `json:"candidateFailed,omitempty"`

	// bothFailed counts those of them that the stable version failed, too, when it was asked instead.
	// +optional
	// +kubebuilder:validation:Minimum=0
	BothFailed *int64 `json:"bothFailed,omitempty"`
}

// RejectedVersion is a version that is not tried again.
type RejectedVersion struct {
	// version is the name of the TryOnModelVersion.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Version string `json:"version,omitempty"`

	// weights is the digest of the weights that it had; a version of the name that has others, of a model that was made again, is
	// another version.
	// +optional
	Weights Digest `json:"weights,omitempty"`

	// attempt is a digest of the spec and the retry annotation under which it was tried; another one is another attempt.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=80
	Attempt string `json:"attempt,omitempty"`

	// reason is Rejected, RolledBack, ForwardsFailed or Aborted.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Reason string `json:"reason,omitempty"`

	// message says why.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// HistoryEntry is a change of what is served, or one that was refused.
type HistoryEntry struct {
	// version is the name of the TryOnModelVersion.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Version string `json:"version,omitempty"`

	// time of the change.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`

	// reason is FirstVersion, Promoted or Fixed for a version that is served from then on; Rejected, RolledBack, ForwardsFailed or
	// Aborted for one that is not.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Reason string `json:"reason,omitempty"`

	// message says why.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}
