package serving

import (
	"crypto/sha256"
	"encoding/hex"

	batchv1 "k8s.io/api/batch/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Replay is a comparison of two versions on known requests.
type Replay struct {
	Epoch             string
	Stable, Candidate Version
	// Dataset is the one that the stable version was trained on.
	Dataset v1alpha1.TryOnDatasetVersionSpec
	// LatencyRatio is the margin of the latency gate.
	LatencyRatio float64
}

// Key of the work: one for each question.
func (r Replay) Key() v1alpha1.Digest {
	sum := sha256.Sum256([]byte("replay " + r.Epoch))
	return v1alpha1.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// ReplaySelector selects the Jobs and pods that replay for a TryOnDeployment. They are none of its serving pods.
func ReplaySelector(deployment string) map[string]string {
	return map[string]string{names.LabelReplay: names.LabelValue(deployment)}
}

// MakeReplay builds an attempt at a replay. Errors of the source wrap resources.ErrStore.
func (c Config) MakeReplay(tod *v1alpha1.TryOnDeployment, r Replay, attempt resources.Attempt) (*batchv1.Job, error) {
	work := resources.Work{
		Kind: resources.Replay, Namespace: tod.Namespace, Owner: tod.Name, Model: tod.Spec.Model.Name, ModelVersion: r.Candidate.Name,
		Key: r.Key(), Attempt: attempt, Placement: tod.Spec.Placement,
	}
	capture, err := resources.UsedCaptureOf(tod, c.Store)
	if err != nil {
		return nil, err
	}
	builder := resources.Config{WorkerImage: c.Images.Worker, RuntimeImage: c.Images.Runtime, Store: c.Store}
	wanted := tod.Spec.Runtime.Resources
	if steps := tod.Spec.Rollout.Steps; len(steps) > 0 && steps[0].Replay != nil && steps[0].Replay.Resources != nil {
		wanted = steps[0].Replay.Resources
	}
	job, err := builder.MakeReplay(work, resources.ReplayInput{
		Task: task.Replay{
			Epoch: r.Epoch, Stable: task.Side{Version: r.Stable.Name}, Candidate: task.Side{Version: r.Candidate.Name},
			LatencyRatio: r.LatencyRatio, TimeoutSeconds: int64(RequestTimeout(tod).Seconds()),
		},
		Stable: r.Stable.Weights, Candidate: r.Candidate.Weights, Dataset: r.Dataset,
		RuntimeImage: c.runtimeImage(tod), Resources: demands(wanted, resources.ServerDemand()), Capture: capture,
	})
	if err != nil {
		return nil, err
	}
	for key, value := range ReplaySelector(tod.Name) {
		job.Labels[key], job.Spec.Template.Labels[key] = value, value
	}
	return job, nil
}

// MakeReplayPolicy closes every port of the pods that replay: nobody has to ask them anything.
func MakeReplayPolicy(tod *v1alpha1.TryOnDeployment) *networkingv1.NetworkPolicy {
	return closed(tod, "replay", ReplaySelector(tod.Name))
}

// MakeErasePolicy closes every port of the pods that erase captured requests.
func MakeErasePolicy(tod *v1alpha1.TryOnDeployment) *networkingv1.NetworkPolicy {
	return closed(tod, "erase", resources.EraseSelector(tod.Name))
}

func closed(tod *v1alpha1.TryOnDeployment, what string, pods map[string]string) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: names.Child(tod.Name, what), Namespace: tod.Namespace, Labels: Labels(tod.Name)},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: pods},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
		},
	}
}
