package modelversion

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// recheckBackend is how often a version looks whether the missing backend has been installed.
const recheckBackend = 30 * time.Second

// The names of the baselines in an evaluation's report.
const (
	baselineCopyPerson   = "copy-person"
	baselinePasteGarment = "paste-garment"
)

var errBadReport = errors.New("the report makes no sense")

func readStage(name string, key v1alpha1.Digest, envelope report.Envelope) (v1alpha1.StageStatus, error) {
	var s report.StageSummary
	if err := envelope.Into(report.KindStage, &s); err != nil {
		return v1alpha1.StageStatus{}, fmt.Errorf("reading stage report: %w", err)
	}
	if !report.ValidDigest(s.Weights) || s.Steps < 0 || s.Seconds < 0 || s.GPUSeconds < 0 {
		return v1alpha1.StageStatus{}, fmt.Errorf("reading stage report: %w: weights %q", errBadReport, s.Weights)
	}
	return v1alpha1.StageStatus{
		Name: name, State: v1alpha1.StageSucceeded, Key: key, Weights: v1alpha1.Digest(s.Weights),
		Steps: ptr.To(s.Steps), Seconds: ptr.To(s.Seconds), GPUSeconds: ptr.To(s.GPUSeconds),
		Message: historyOf(s),
	}, nil
}

// historyOf tells what is worth knowing about how a stage came to its end; nothing when it ran through.
func historyOf(s report.StageSummary) string {
	switch {
	case s.Skipped:
		return "the artefact store already held the output"
	case s.ResumedFrom > 0:
		return fmt.Sprintf("resumed from the checkpoint of step %d", s.ResumedFrom)
	}
	return ""
}

func readEvaluation(key v1alpha1.Digest, envelope report.Envelope) (*v1alpha1.EvaluationStatus, error) {
	var s report.EvaluationSummary
	if err := envelope.Into(report.KindEvaluation, &s); err != nil {
		return nil, fmt.Errorf("reading evaluation report: %w", err)
	}
	if !report.ValidDigest(s.Evaluator) || !report.ValidDigest(s.Golden) || s.Cases < 0 || s.Protocol == "" {
		return nil, fmt.Errorf("reading evaluation report: %w", errBadReport)
	}
	out := &v1alpha1.EvaluationStatus{
		Key: key, Evaluator: v1alpha1.Digest(s.Evaluator), Protocol: s.Protocol, Cases: ptr.To(s.Cases), Golden: v1alpha1.Digest(s.Golden),
	}
	if envelope.Report != nil {
		out.Report = &v1alpha1.ReportReference{URI: envelope.Report.URI, Digest: v1alpha1.Digest(envelope.Report.Digest)}
	}
	for _, metric := range []v1alpha1.Metric{v1alpha1.MetricSSIM, v1alpha1.MetricGarmentSSIM, v1alpha1.MetricPSNR, v1alpha1.MetricL1} {
		value := decimal(s.Scores, metric)
		if value == nil {
			// What could not be measured is left out, and a gate on it says so.
			continue
		}
		out.Scores = append(out.Scores, v1alpha1.Score{
			Metric: metric, Value: *value,
			CopyPerson: decimal(s.Baselines[baselineCopyPerson], metric), PasteGarment: decimal(s.Baselines[baselinePasteGarment], metric),
		})
	}
	return out, nil
}

func readWeights(key v1alpha1.Digest, envelope report.Envelope) (*v1alpha1.WeightsStatus, error) {
	var s report.PublishSummary
	if err := envelope.Into(report.KindPublish, &s); err != nil {
		return nil, fmt.Errorf("reading publish report: %w", err)
	}
	if !report.ValidDigest(s.Weights) || s.Bytes < 0 || s.Height < 1 || s.Width < 1 {
		return nil, fmt.Errorf("reading publish report: %w: weights %q, %dx%d", errBadReport, s.Weights, s.Height, s.Width)
	}
	return &v1alpha1.WeightsStatus{
		Key: key, Digest: v1alpha1.Digest(s.Weights), Bytes: ptr.To(s.Bytes), Height: s.Height, Width: s.Width,
	}, nil
}

// publishTask writes down what the weights descend from.
func (d *decider) publishTask() task.Publish {
	spec, evaluation := d.version.Spec, d.plan.Record.Evaluation
	t := task.Publish{
		Weights: string(d.weightsOf(spec.Serving.Stage)), Golden: string(evaluation.Golden), Evaluator: string(evaluation.Evaluator),
		Scores: map[string]float64{},
		Lineage: task.Lineage{
			Method: spec.Method, Dataset: string(spec.Dataset.Digest), Licenses: spec.Licenses,
		},
	}
	for _, s := range evaluation.Scores {
		if v, err := strconv.ParseFloat(string(s.Value), 64); err == nil {
			t.Scores[string(s.Metric)] = v
		}
	}
	for _, s := range d.plan.Record.Stages {
		t.Lineage.Stages = append(t.Lineage.Stages, task.StageEntry{
			Name: s.Name, Key: string(s.Key), Weights: string(s.Weights), GPUSeconds: ptr.Deref(s.GPUSeconds, 0),
		})
	}
	return t
}

// decimal writes a score as the API does, with six digits after the point; nil when it is missing, not finite or absurdly large.
func decimal(scores report.Scores, metric v1alpha1.Metric) *v1alpha1.Decimal {
	const largest = 1e9
	v, ok := scores[string(metric)]
	if !ok || math.IsNaN(v) || math.Abs(v) > largest {
		return nil
	}
	return ptr.To(v1alpha1.Decimal(strconv.FormatFloat(v, 'f', 6, 64)))
}
