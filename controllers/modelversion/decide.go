package modelversion

import (
	"fmt"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/gate"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Phase is how far a version is; later phases are greater.
type Phase int

// The phases in their order.
const (
	PhaseTraining Phase = iota
	PhaseEvaluating
	PhasePublishing
	PhaseReady
)

// Plan is what one pass decided: what is recorded, what is started, and what is said about it.
type Plan struct {
	Phase Phase
	// Reason and Message are those of Ready, and of the condition of the current phase.
	Reason  string
	Message string
	// Record is what the status has to remember.
	Record Record
	// Start is the work to start now; nil for none.
	Start *Start
	// Renew is the attempt that has not begun, as it would be built now, and Unbegun its Job; nil for none.
	Renew   *Start
	Unbegun backend.Run
	// Abandon are Jobs under way whose work is no longer needed.
	Abandon []backend.Run
	// Progress of the current stage for people; empty for none.
	Progress     string
	RecheckAfter time.Duration
}

// Record is the part of the status that later passes read: outcomes, not conditions.
type Record struct {
	Retry      string
	Stages     []v1alpha1.StageStatus
	Evaluation *v1alpha1.EvaluationStatus
	Weights    *v1alpha1.WeightsStatus
	// Failure is the evaluation or publishing that came to its end without a result.
	Failure *v1alpha1.WorkFailure
}

// Start is a piece of work to begin.
type Start struct {
	Kind    resources.Kind
	Key     v1alpha1.Digest
	Attempt resources.Attempt
	// Backend and Stage are set for a stage.
	Backend v1alpha1.Backend
	Stage   resources.StageInput
	// Weights is set for an evaluation, Publish for a publishing.
	Weights v1alpha1.Digest
	Publish task.Publish
}

// maxStageAttempts is how many Jobs a stage gets before it counts as failed. A plain Job has already replaced its pods by then; those
// that were interrupted do not count.
const maxStageAttempts = 3

// decider carries one decision from phase to phase.
type decider struct {
	version *v1alpha1.TryOnModelVersion
	seen    Observed
	now     time.Time
	round   string
	// current is the key of the work that the version is at; empty when it needs none.
	current v1alpha1.Digest
	plan    Plan
}

// decide says what comes next for a version. Each phase either is done and lets the next one look, or ends the decision.
func decide(version *v1alpha1.TryOnModelVersion, seen Observed, now time.Time) Plan {
	d := decider{version: version, seen: seen, now: now, round: resources.Round(version.Annotations[names.RetryAnnotation])}
	d.plan.Record = Record{
		Retry:      version.Status.Retry,
		Stages:     recordedStages(version),
		Evaluation: version.Status.Evaluation.DeepCopy(),
		Weights:    version.Status.Weights.DeepCopy(),
		Failure:    version.Status.Failure.DeepCopy(),
	}
	switch {
	case !version.DeletionTimestamp.IsZero():
		d.plan.Phase = phaseOf(d.plan.Record)
		d.stop(v1alpha1.ReasonInUse, fmt.Sprintf("Kept until TryOnDeployment %s serves another version", strings.Join(seen.Holders, ", ")))
	case d.plan.Record.Weights != nil:
		d.ready()
	case d.successor() != "":
		d.supersede(d.successor())
	case seen.Dataset == nil:
		d.stop(v1alpha1.ReasonPending, fmt.Sprintf("TryOnDatasetVersion %s does not exist", version.Spec.Dataset.Name))
	default:
		d.retry()
		_ = d.train() && d.evaluate() && d.judge() && d.publish() && d.ready()
		d.plan.Abandon = backend.Superseded(seen.Runs, d.current)
	}
	return d.plan
}

func (d *decider) stop(reason, message string) bool {
	d.plan.Reason, d.plan.Message = reason, message
	return false
}

func (d *decider) ready() bool {
	d.plan.Phase = PhaseReady
	d.plan.Reason, d.plan.Message = v1alpha1.ReasonReady, "Trained, evaluated and published"
	return true
}

// retry forgets what failed, or could not be measured, when the annotation has a value that was not acted on yet.
func (d *decider) retry() {
	asked := d.version.Annotations[names.RetryAnnotation]
	if asked == "" || recordable(asked) == d.plan.Record.Retry {
		return
	}
	d.plan.Record.Retry = recordable(asked)
	d.plan.Record.Failure = nil
	if done := d.plan.Record.Evaluation; done != nil && !d.measured(done) {
		d.plan.Record.Evaluation = nil
	}
	for i, s := range d.plan.Record.Stages {
		if s.State == v1alpha1.StageFailed {
			d.plan.Record.Stages[i] = v1alpha1.StageStatus{Name: s.Name, State: v1alpha1.StagePending}
		}
	}
}

// recordable is an annotation's value as far as the status has room for it.
func recordable(value string) string {
	const room = 256
	if runes := []rune(value); len(runes) > room {
		return string(runes[:room])
	}
	return value
}

// recordedStages gives one entry for each stage of the plan, in its order.
func recordedStages(version *v1alpha1.TryOnModelVersion) []v1alpha1.StageStatus {
	stages := make([]v1alpha1.StageStatus, 0, len(version.Spec.Stages))
	for _, s := range version.Spec.Stages {
		entry := v1alpha1.StageStatus{Name: s.Name, State: v1alpha1.StagePending}
		for i := range version.Status.Stages {
			if version.Status.Stages[i].Name == s.Name {
				entry = *version.Status.Stages[i].DeepCopy()
			}
		}
		stages = append(stages, entry)
	}
	return stages
}

// phaseOf reads how far a version is from what is recorded.
func phaseOf(r Record) Phase {
	for _, s := range r.Stages {
		if s.State != v1alpha1.StageSucceeded {
			return PhaseTraining
		}
	}
	switch {
	case r.Weights != nil:
		return PhaseReady
	case r.Evaluation != nil:
		return PhasePublishing
	}
	return PhaseEvaluating
}

func (d *decider) evaluate() bool {
	d.plan.Phase = PhaseEvaluating
	weights := d.weightsOf(d.version.Spec.Serving.Stage)
	key := plan.EvaluationKey(weights, d.version.Spec.Dataset.Digest, d.version.Spec.Evaluation.MaxCases, d.seen.WorkerImage, d.seen.RuntimeImage)
	if d.plan.Record.Evaluation != nil {
		return true
	}
	for i := range d.seen.Siblings {
		if done := d.seen.Siblings[i].Status.Evaluation; done != nil && done.Key == key && d.measured(done) {
			d.plan.Record.Evaluation = done.DeepCopy()
			return true
		}
	}
	if d.failed(key, v1alpha1.ReasonEvaluationErrored) {
		return false
	}
	next := d.follow(key, func(r backend.Run) bool {
		done, err := readEvaluation(key, r.Report)
		return err == nil && d.measured(done)
	})
	d.plan.RecheckAfter = next.Wait
	d.begin(next, Start{Kind: resources.Evaluate, Key: key, Weights: weights})
	if passed(next) {
		evaluation, err := readEvaluation(key, next.Run.Report)
		if err != nil {
			return d.fail(key, v1alpha1.ReasonEvaluationErrored, err.Error())
		}
		d.plan.Record.Evaluation = evaluation
		return true
	}
	if refused(next) {
		return d.fail(key, v1alpha1.ReasonEvaluationErrored, "The evaluation could not be run: "+next.Run.Message)
	}
	return d.stop(waitingReason(next, v1alpha1.ReasonEvaluating, v1alpha1.ReasonEvaluationErrored),
		waitingMessage(next, "The evaluator asks the serving runtime", "The evaluation could not be run"))
}

// measured tells whether an evaluation has what every gate compares.
func (d *decider) measured(done *v1alpha1.EvaluationStatus) bool {
	return gate.Check(d.version.Spec.Evaluation.Gates, done.Scores).Verdict != gate.Unmeasured
}

// failed tells whether the work of a key is known to end without a result, and then says so again.
func (d *decider) failed(key v1alpha1.Digest, reason string) bool {
	known := d.plan.Record.Failure
	if known == nil || known.Key != key {
		d.plan.Record.Failure = nil
		return false
	}
	d.stop(reason, known.Message)
	return true
}

// fail records that the work of a key ended without a result: its Job will not be remembered for ever.
func (d *decider) fail(key v1alpha1.Digest, reason, message string) bool {
	d.plan.Record.Failure = &v1alpha1.WorkFailure{Key: key, Message: podwatch.Cut(message)}
	return d.stop(reason, message)
}

// judge compares the recorded scores with the gates. It needs no work, so changing a gate costs nothing.
func (d *decider) judge() bool {
	result := gate.Check(d.version.Spec.Evaluation.Gates, d.plan.Record.Evaluation.Scores)
	switch result.Verdict {
	case gate.Passed:
		return true
	case gate.Unmeasured:
		return d.stop(v1alpha1.ReasonEvaluationErrored, result.Message())
	}
	return d.stop(v1alpha1.ReasonGateFailed, result.Message())
}

func (d *decider) publish() bool {
	d.plan.Phase = PhasePublishing
	key := plan.PublishKey(d.publishInput())
	for i := range d.seen.Siblings {
		if done := d.seen.Siblings[i].Status.Weights; done != nil && done.Key == key {
			d.plan.Record.Weights = done.DeepCopy()
			return true
		}
	}
	if d.failed(key, v1alpha1.ReasonPublishFailed) {
		return false
	}
	next := d.follow(key, func(r backend.Run) bool {
		_, err := readWeights(key, r.Report)
		return err == nil
	})
	d.plan.RecheckAfter = next.Wait
	d.begin(next, Start{Kind: resources.Publish, Key: key, Publish: d.publishTask()})
	if passed(next) {
		weights, err := readWeights(key, next.Run.Report)
		if err != nil {
			return d.fail(key, v1alpha1.ReasonPublishFailed, err.Error())
		}
		d.plan.Record.Weights = weights
		return true
	}
	if refused(next) {
		return d.fail(key, v1alpha1.ReasonPublishFailed, "The weights could not be published: "+next.Run.Message)
	}
	return d.stop(waitingReason(next, v1alpha1.ReasonPublishing, v1alpha1.ReasonPublishFailed),
		waitingMessage(next, "The servable weights are put together", "The weights could not be published"))
}

func (d *decider) publishInput() plan.PublishInput {
	evaluation := d.plan.Record.Evaluation
	in := plan.PublishInput{
		Weights: d.weightsOf(d.version.Spec.Serving.Stage), Golden: evaluation.Golden, Evaluation: evaluation.Key,
		Method: d.version.Spec.Method, Licenses: d.version.Spec.Licenses, Worker: d.seen.WorkerImage,
	}
	for _, s := range d.plan.Record.Stages {
		in.Stages = append(in.Stages, s.Key)
	}
	return in
}

// follow looks at the attempts at the work that the version is at. A good report that is not usable is done again when somebody has
// asked for a retry since.
func (d *decider) follow(key v1alpha1.Digest, usable func(r backend.Run) bool) backend.Next {
	d.current = key
	next := backend.Decide(d.seen.Runs, key, d.round, d.now)
	if passed(next) && next.Run.Attempt.Round != d.round && !usable(*next.Run) {
		next.Start = &resources.Attempt{Round: d.round}
	}
	return next
}

// begin plans the attempt that is due, or that the one that waits for its first pod is kept as it would be built now.
func (d *decider) begin(next backend.Next, work Start) {
	switch {
	case next.Start != nil:
		work.Attempt = *next.Start
		d.plan.Start = &work
	case next.Unbegun:
		work.Attempt = next.Run.Attempt
		d.plan.Renew, d.plan.Unbegun = &work, *next.Run
	}
}

// weightsOf gives the output of a finished stage.
func (d *decider) weightsOf(stage string) v1alpha1.Digest {
	for _, s := range d.plan.Record.Stages {
		if s.Name == stage {
			return s.Weights
		}
	}
	return ""
}

func passed(next backend.Next) bool {
	return next.Start == nil && next.Run != nil && next.Run.State == backend.Reported && next.Run.Report.Verdict == report.Passed
}

// refused tells whether the work came to its end and its result is bad.
func refused(next backend.Next) bool {
	return next.Start == nil && next.Run != nil && next.Run.State == backend.Reported && next.Run.Report.Verdict != report.Passed
}

// waitingReason names what unfinished work waits for: a pod's trouble, the work itself, or the next attempt.
func waitingReason(next backend.Next, busy, errored string) string {
	switch {
	case next.Errored:
		return errored
	case next.Run != nil && next.Run.Trouble.Reason != "":
		return next.Run.Trouble.Reason
	}
	return busy
}

func waitingMessage(next backend.Next, busy, errored string) string {
	switch {
	case next.Errored:
		return errored + ": " + next.Message
	case next.Run != nil && next.Run.Trouble.Reason != "":
		return next.Run.Trouble.Message
	}
	return busy
}
