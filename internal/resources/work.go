package resources

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
)

// Kind says what a Job does; it is the value of the work label.
type Kind string

// The kinds of work.
const (
	Pin      Kind = "pin"
	DataTest Kind = "data-test"
	Stage    Kind = "stage"
	Evaluate Kind = "evaluate"
	Publish  Kind = "publish"
	Replay   Kind = "replay"
	Judge    Kind = "judgement"
	Erase    Kind = "erase"
)

// Attempt counts the Jobs of one piece of work. A round begins when somebody asks for a retry.
type Attempt struct {
	// Round is empty at first, then a short word made from the retry annotation.
	Round string
	// Number counts the Jobs before this one that could not do the work.
	Number int
	// Disruptions counts those that were interrupted: a node was drained or lost, and nobody is to blame.
	Disruptions int
}

// Round makes the word of a retry annotation's value; the empty value is the first round.
func Round(annotation string) string {
	if annotation == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(annotation))
	return hex.EncodeToString(sum[:4])
}

// String writes an attempt as it stands in the annotation of a Job, for example "0", "1a2b3c4d/2", or "0+3" after three disruptions.
func (a Attempt) String() string {
	s := strconv.Itoa(a.Number)
	if a.Disruptions > 0 {
		s += "+" + strconv.Itoa(a.Disruptions)
	}
	if a.Round == "" {
		return s
	}
	return a.Round + "/" + s
}

// ParseAttempt reads what String wrote.
func ParseAttempt(s string) (Attempt, error) {
	round, counts, found := strings.Cut(s, "/")
	if !found {
		round, counts = "", s
	}
	number, disruptions, found := strings.Cut(counts, "+")
	if !found {
		disruptions = "0"
	}
	n, err := strconv.Atoi(number)
	d, alsoErr := strconv.Atoi(disruptions)
	if err != nil || alsoErr != nil || n < 0 || d < 0 {
		return Attempt{}, fmt.Errorf("reading attempt %q: not a number of an attempt", s)
	}
	return Attempt{Round: round, Number: n, Disruptions: d}, nil
}

// Work is what all Jobs have in common. The names of the objects it is for may be empty.
type Work struct {
	Kind      Kind
	Namespace string
	// Owner is the name of the object that the Job belongs to.
	Owner          string
	Model          string
	DatasetVersion string
	ModelVersion   string
	Stage          string
	Key            v1alpha1.Digest
	Attempt        Attempt
	Placement      v1alpha1.PodPlacement
}

// Name of the Job: the same work and attempt has the same name, so that it is never started twice.
func (w Work) Name() string {
	what := string(w.Kind)
	if w.Stage != "" {
		what = w.Stage
	}
	key := string(w.Key)
	if w.Attempt != (Attempt{}) {
		sum := sha256.Sum256([]byte(key + "#" + w.Attempt.String()))
		key = hex.EncodeToString(sum[:])
	}
	return names.Job(w.Owner, what, key)
}

// Meta is the metadata of the Job of any backend.
func (w Work) Meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: w.Name(), Namespace: w.Namespace, Labels: w.labels(), Annotations: w.annotations()}
}

// Limits of every Job: how often a pod that could not do its work is replaced, and how long a finished Job is kept for its reader.
const (
	BackoffLimit = 3
	KeepSeconds  = 3600
)

// MakeJob wraps a pod into a Job. Pods that are evicted, preempted or deleted are replaced without counting as failures.
func MakeJob(w Work, template corev1.PodTemplateSpec) *batchv1.Job {
	template.Spec.RestartPolicy = corev1.RestartPolicyNever
	return &batchv1.Job{
		ObjectMeta: w.Meta(),
		Spec: batchv1.JobSpec{
			BackoffLimit:            ptr.To[int32](BackoffLimit),
			TTLSecondsAfterFinished: ptr.To[int32](KeepSeconds),
			// A pod that is still ending may still hold its checkpoint: its successor waits for it.
			PodReplacementPolicy: ptr.To(batchv1.Failed),
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{
				{
					Action: batchv1.PodFailurePolicyActionIgnore,
					OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{
						{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue},
					},
				},
				{
					Action: batchv1.PodFailurePolicyActionIgnore,
					OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
						ContainerName: ptr.To(string(w.Kind)),
						Operator:      batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{report.ExitTerminated},
					},
				},
			}},
			Template: template,
		},
	}
}
