package modelversion

import (
	"cmp"
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/gate"
	"github.com/braincreators/tryon-operator/internal/status"
)

// summarize writes what was decided into the status, in memory only. err is what kept the decision from being carried out.
func summarize(version *v1alpha1.TryOnModelVersion, plan Plan, err error) {
	s := &version.Status
	if err != nil && s.Weights == nil && plan.Record.Weights != nil {
		// Nothing is looked at any more once the weights are recorded: work that could not be stopped would go on for ever.
		plan.Record.Weights, plan.Phase = nil, PhasePublishing
	}
	s.Retry, s.Stages, s.Evaluation, s.Weights = plan.Record.Retry, plan.Record.Stages, plan.Record.Evaluation, plan.Record.Weights
	s.Failure = plan.Record.Failure
	s.Progress = plan.Progress
	s.GPUSeconds = gpuSeconds(s.Stages)
	s.Score = Score(s.Evaluation)
	if err != nil {
		plan.Reason, plan.Message = status.ReasonOf(err), err.Error()
	}
	now := status.Words{Reason: plan.Reason, Message: plan.Message}
	for _, c := range []struct {
		phase         Phase
		condition     string
		done, message string
	}{
		{PhaseTraining, v1alpha1.ConditionTrainingCompleted, v1alpha1.ReasonTrained, trainedMessage(s.Stages)},
		{PhaseEvaluating, v1alpha1.ConditionEvaluationPassed, v1alpha1.ReasonEvaluationPassed, passedMessage(version)},
		{PhasePublishing, v1alpha1.ConditionPublished, v1alpha1.ReasonPublished, publishedMessage(s.Weights)},
	} {
		status.SetPhase(version, c.condition, cmp.Compare(plan.Phase, c.phase), status.Words{Reason: c.done, Message: c.message}, now)
	}
	status.SetReady(version, now)
}

func trainedMessage(stages []v1alpha1.StageStatus) string {
	reused := 0
	for _, s := range stages {
		if s.ReusedFrom != "" {
			reused++
		}
	}
	if reused == 0 {
		return fmt.Sprintf("%d stages trained", len(stages))
	}
	return fmt.Sprintf("%d stages trained, %d of them taken from other versions", len(stages), reused)
}

func passedMessage(version *v1alpha1.TryOnModelVersion) string {
	if version.Status.Evaluation == nil {
		return ""
	}
	return gate.Check(version.Spec.Evaluation.Gates, version.Status.Evaluation.Scores).Message()
}

func publishedMessage(weights *v1alpha1.WeightsStatus) string {
	if weights == nil {
		return ""
	}
	return fmt.Sprintf("%s, %d bytes", weights.Digest, ptr.Deref(weights.Bytes, 0))
}

// gpuSeconds sums what this version trained itself; nil while no stage is done.
func gpuSeconds(stages []v1alpha1.StageStatus) *int64 {
	var sum int64
	done := false
	for _, s := range stages {
		if s.State != v1alpha1.StageSucceeded {
			continue
		}
		done = true
		if s.ReusedFrom == "" {
			sum += ptr.Deref(s.GPUSeconds, 0)
		}
	}
	if !done {
		return nil
	}
	return &sum
}

// Score renders the score that people look at first, for example "garment-ssim 0.66 (+0.25)": garment-region SSIM and its gain over
// the better baseline. Empty while there is none.
func Score(evaluation *v1alpha1.EvaluationStatus) string {
	if evaluation == nil || len(evaluation.Scores) == 0 {
		return ""
	}
	best := evaluation.Scores[0]
	for _, s := range evaluation.Scores {
		if s.Metric == v1alpha1.MetricGarmentSSIM {
			best = s
		}
	}
	return gate.Render(best)
}
