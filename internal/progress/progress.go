package progress

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/rollout"
)

// Steps of the spec.
func Steps(steps []v1alpha1.RolloutStep) []rollout.Step {
	var out []rollout.Step
	for _, s := range steps {
		step := rollout.Step{Weight: int(s.Weight), Shadow: int(s.Shadow.SamplePercent), Replay: s.Replay != nil}
		if s.Hold != nil {
			step.Hold = s.Hold.Duration
		}
		out = append(out, step)
	}
	return out
}

// Document is what the pods are told.
func Document(told control.Document) rollout.Document {
	out := rollout.Document{Generation: told.Generation}
	if c := told.Candidate; c != nil && c.Weight > 0 {
		out.Candidate = &rollout.Share{Version: c.Version, Weight: c.Weight}
	}
	if s := told.Shadow; s != nil {
		out.Shadow = &rollout.Shadow{Version: s.Version, Epoch: s.Epoch, Percent: s.SamplePercent}
	}
	return out
}

// Record reads what Candidate has recorded; nil when nothing is.
func Record(candidate *v1alpha1.CandidateStatus) *rollout.Record {
	if candidate == nil {
		return nil
	}
	record := &rollout.Record{Version: candidate.Version, Step: -1, Generation: ptr.Deref(candidate.ControlGeneration, 0)}
	if candidate.Step != nil {
		record.Step = int(*candidate.Step)
	}
	if candidate.AppliedTime != nil {
		record.Applied = candidate.AppliedTime.Time
	}
	if candidate.StartTime != nil {
		record.Started = candidate.StartTime.Time
	}
	return record
}

// Weight says what the candidate gets.
func Weight(plan rollout.Plan) string {
	switch {
	case plan.Candidate == "":
		return ""
	case plan.Weight == 0 && plan.Shadow == 0 && plan.Replay:
		return "replay"
	case plan.Weight == 0 && plan.Shadow > 0:
		return fmt.Sprintf("shadow %d%%", plan.Shadow)
	}
	return fmt.Sprintf("%d%%", plan.Weight)
}

// Candidate is the rollout under way for the status; nil when there is none.
func Candidate(plan rollout.Plan) *v1alpha1.CandidateStatus {
	if plan.Candidate == "" {
		return nil
	}
	out := &v1alpha1.CandidateStatus{Version: plan.Candidate}
	r := plan.Record
	if r != nil && !r.Started.IsZero() {
		out.StartTime = ptr.To(metav1.NewTime(r.Started))
	}
	if r != nil && r.Step >= 0 {
		out.Step = ptr.To(int32(r.Step))
		out.ControlGeneration = ptr.To(r.Generation)
		if !r.Applied.IsZero() {
			out.AppliedTime = ptr.To(metav1.NewTime(r.Applied))
		}
	}
	return out
}
