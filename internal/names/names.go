package names

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// FieldManager owns the fields that the operator applies.
const FieldManager = "tryon-operator"

// InUseFinalizer keeps a record that somebody still serves or trains from.
const InUseFinalizer = "tryon.braincreators.com/in-use"

// CapturesFinalizer keeps a TryOnDeployment whose captured requests may lie somewhere until they are erased.
const CapturesFinalizer = "tryon.braincreators.com/captured-requests"

// LeaveCapturesAnnotation, set to "true" on a TryOnDeployment, has captured requests left where they are instead of erased.
const LeaveCapturesAnnotation = "tryon.braincreators.com/leave-captures"

// RetryAnnotation asks for another attempt of a failed version; any new value is one attempt.
const RetryAnnotation = "tryon.braincreators.com/retry"

// RolloutAnnotation on a TryOnDeployment holds a command for its rollout, in force as long as the annotation is there.
const RolloutAnnotation = "tryon.braincreators.com/rollout"

// Labels of everything that the operator makes.
const (
	// LabelManagedBy is set to FieldManager on every child, so that caches and people can select them.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// LabelPartOf groups all children of the operator.
	LabelPartOf = "app.kubernetes.io/part-of"
	// LabelModel holds the name of the TryOnModel.
	LabelModel = "tryon.braincreators.com/model"
	// LabelDatasetVersion holds the name of the TryOnDatasetVersion.
	LabelDatasetVersion = "tryon.braincreators.com/dataset-version"
	// LabelModelVersion holds the name of the TryOnModelVersion.
	LabelModelVersion = "tryon.braincreators.com/model-version"
	// LabelDeployment holds the name of the TryOnDeployment.
	LabelDeployment = "tryon.braincreators.com/deployment"
	// LabelWork says what a worker pod does: pin, data-test, stage, evaluate, publish, judgement, replay or erase.
	LabelWork = "tryon.braincreators.com/work"
	// LabelReplay holds the name of the TryOnDeployment that a worker pod replays requests for.
	LabelReplay = "tryon.braincreators.com/replay"
	// LabelErase holds the name of the TryOnDeployment whose captured requests a worker pod erases.
	LabelErase = "tryon.braincreators.com/erase"
	// LabelStage holds the name of the training stage.
	LabelStage = "tryon.braincreators.com/stage"
)

// AnnotationKey records the key of the input that a Job works on.
const AnnotationKey = "tryon.braincreators.com/key"

// AnnotationAttempt records which attempt at that input a Job is.
const AnnotationAttempt = "tryon.braincreators.com/attempt"

// AnnotationBuilt records the digest of what a Job or a serving Deployment was made of, without what the API server has added to it.
const AnnotationBuilt = "tryon.braincreators.com/built"

// AnnotationTrainer records the image that stood for the reference trainer when a version was planned.
const AnnotationTrainer = "tryon.braincreators.com/trainer"

// AnnotationWeights records the digest of the weights that a serving Deployment's pods pull.
const AnnotationWeights = "tryon.braincreators.com/weights"

// AnnotationCaptures stands on pods that use a folder of captured requests; its value tells the folder.
const AnnotationCaptures = "tryon.braincreators.com/captures"

// LabelMetrics, set to "enabled" on a namespace, lets its pods read the metrics of serving pods.
const LabelMetrics = "tryon.braincreators.com/metrics"

// Containers and ports of our pods.
const (
	// ContainerPyTorch is what PyTorchJob insists on calling the container that works, and Jobs of earlier releases called it. Otherwise it
	// has the name of its work, the value of LabelWork.
	ContainerPyTorch = "pytorch"
	// ContainerInstall copies the worker binary into a stage's pod.
	ContainerInstall = "install"
	// ContainerPull fetches weights.
	ContainerPull = "pull"
	// ContainerRuntime is the model server.
	ContainerRuntime = "runtime"
	// ContainerSidecar takes the shoppers' requests.
	ContainerSidecar = "sidecar"

	// PortProgress serves a stage's progress.
	PortProgress = 8090
	// PortShopper serves the Shopper API and the Open Inference Protocol.
	PortShopper = 8080
	// PortOps serves metrics, health and control.
	PortOps = 8081
	// PortRuntime is the model server's, on the pod's loopback interface only. A second one has the next.
	PortRuntime = 8500
)

// maxName leaves room for what Job, PyTorchJob and ReplicaSet controllers append to make pod names of at most 63 characters.
const maxName = 50

// ModelVersion is the name of version n of a model, for example "tops-v3".
func ModelVersion(model string, n int64) string {
	return bounded(model + "-v" + strconv.FormatInt(n, 10))
}

// DatasetVersion is the name of the record of one content under one suite of tests, for example "ds-3f2a91bc04de-1a2b3c".
// The digest is "sha256:<hex>", the suite any text that tells suites apart.
func DatasetVersion(digest, suite string) string {
	return "ds-" + short(strings.TrimPrefix(digest, "sha256:"), 12) + "-" + hashOf(suite)[:6]
}

// Job is the name of the Job that does one piece of work for an owner, for example "tops-v3-pf-gen-1a2b3c4d". Another key or
// attempt is another Job.
func Job(owner, what, key string) string {
	suffix := "-" + what + "-" + short(strings.TrimPrefix(key, "sha256:"), 8)
	if len(owner)+len(suffix) <= maxName {
		return owner + suffix
	}
	tag := "-" + hashOf(owner)[:6]
	keep := max(1, maxName-len(suffix)-len(tag))
	return bounded(trimDash(owner[:min(keep, len(owner))]) + tag + suffix)
}

// Serving is the name of the Deployment and of the Service of one version behind a TryOnDeployment, for example
// "storefront-tops-v3-1a2b3c". Without the tag deployment "shop" of model "eu-tops" and deployment "shop-eu" of model "tops" would share it.
func Serving(deployment, version string) string {
	tag := "-" + hashOf(deployment + "/" + version)[:6]
	name := deployment + "-" + version
	return trimDash(name[:min(len(name), maxName-len(tag))]) + tag
}

// Control is the name of the ConfigMap that tells the serving pods of a TryOnDeployment what to do.
func Control(deployment string) string { return bounded(deployment + "-control") }

// Evidence is the name of the ConfigMap that keeps what the serving pods of a TryOnDeployment reported about a candidate.
func Evidence(deployment string) string { return bounded(deployment + "-evidence") }

// CapturePermit is the ConfigMap that permits the pods of a deployment to keep requests.
func CapturePermit(deployment string) string { return bounded(deployment + "-capture-permit") }

// Child is the name of any other child of an owner.
func Child(owner, what string) string { return bounded(owner + "-" + what) }

// LabelValue makes a value of at most 63 characters out of a name.
func LabelValue(name string) string {
	if len(name) <= 63 {
		return name
	}
	return trimDash(name[:54]) + "-" + hashOf(name)[:8]
}

// Labels are the labels that every child has, with more in pairs of key and value.
func Labels(pairs ...string) map[string]string {
	labels := map[string]string{LabelManagedBy: FieldManager, LabelPartOf: "tryon"}
	for i := 0; i+1 < len(pairs); i += 2 {
		labels[pairs[i]] = LabelValue(pairs[i+1])
	}
	return labels
}

func bounded(name string) string {
	if len(name) <= maxName {
		return name
	}
	return trimDash(name[:maxName-9]) + "-" + hashOf(name)[:8]
}

func trimDash(s string) string { return strings.TrimRight(s, "-.") }

func short(s string, n int) string { return s[:min(n, len(s))] }

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
