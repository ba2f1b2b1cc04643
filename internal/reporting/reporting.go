package reporting

import (
	"context"
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/status"
	"github.com/braincreators/tryon-operator/internal/task"
)

const (
	// window is how long after the decision a report is tried for.
	window = 24 * time.Hour
	// lookAgain is how soon a finished Job whose pod is not seen yet is looked at again.
	lookAgain = 5 * time.Second
	// tryAgain is how soon something that the API server refused is tried again.
	tryAgain = time.Minute
)

// Due is a report that the status lacks, and what was observed of it.
type Due struct {
	Task task.Judgement
	Key  v1alpha1.Digest
	// Runs are the Jobs for reports of this deployment.
	Runs []backend.Run
	// Lost says why there is nothing to make a report from; empty when there is something.
	Lost string
	// Unread says what could not be read in this look; nil when all could.
	Unread error
}

// Ended says how the judgement ended when its report is due, nil when none is. While pods still compare, or once the day is over, none is.
func Ended(tod *v1alpha1.TryOnDeployment, compared string, now time.Time) *v1alpha1.HistoryEntry {
	j, end := tod.Status.Judgement, judge.Ended(&tod.Status)
	if end == nil || j.Report != nil || j.Epoch == compared || now.Sub(end.Time.Time) > window {
		return nil
	}
	return end
}

// Evidence is what a report is made from. Ledger is nil when there is none, or when Unread says why it could not be read.
type Evidence struct {
	End      *v1alpha1.HistoryEntry
	Ledger   *evidence.Ledger
	Unread   error
	Versions []v1alpha1.TryOnModelVersion
}

// Observe looks for the Jobs of the report that is due.
func Observe(ctx context.Context, r *runner.Runner, tod *v1alpha1.TryOnDeployment, e Evidence) *Due {
	due := &Due{Unread: e.Unread}
	switch {
	case e.Unread != nil:
		return due
	case e.Ledger == nil || e.Ledger.Epoch != tod.Status.Judgement.Epoch:
		due.Lost = "its evidence is gone"
		return due
	}
	var err error
	if due.Task, due.Key, err = judge.Report(tod, e.End, e.Ledger, e.Versions); err != nil {
		due.Lost = err.Error()
		return due
	}
	due.Runs, due.Unread = r.Jobs(ctx, tod, client.MatchingLabels{names.LabelWork: string(resources.Judge)})
	return due
}

// Plan is what is done and said about a report.
type Plan struct {
	// Start is the attempt to start now; nil for none.
	Start *resources.Attempt
	// Report is what the status gets; nil as long as there is none. Epoch is that of its judgement.
	Report *v1alpha1.ReportReference
	Epoch  string
	// Reason and Message of the condition; empty for no condition.
	Reason, Message string
	// Wait is when to look again; 0 leaves it to the watches.
	Wait time.Duration
}

// Decide plans from what was observed; due is nil when no report is due.
func Decide(tod *v1alpha1.TryOnDeployment, due *Due, now time.Time) Plan {
	j := tod.Status.Judgement
	switch {
	case j == nil:
		return Plan{}
	case due == nil && j.Report != nil:
		return reported(j.Epoch, j.Candidate, j.Report)
	case due == nil:
		return Plan{}
	case due.nothing():
		return due.without(j.Candidate)
	}
	next := backend.Decide(due.Runs, due.Key, "", now)
	p := Plan{Start: next.Start, Wait: next.Wait, Reason: v1alpha1.ReasonReporting, Message: fmt.Sprintf("The report of the judgement of %s is made", j.Candidate)}
	switch {
	case next.Errored:
		p.Reason, p.Message = v1alpha1.ReasonReportFailed, fmt.Sprintf("The report of the judgement of %s could not be made: %s", j.Candidate, next.Message)
	case next.Run == nil:
	case next.Run.State == backend.Unreported:
		p.Wait = min(p.Wait, lookAgain)
	case next.Run.State == backend.Reported:
		ref, err := read(due.Key, due.Task, next.Run.Report)
		if err != nil {
			return Plan{Reason: v1alpha1.ReasonReportFailed, Message: err.Error()}
		}
		return reported(j.Epoch, j.Candidate, ref)
	case next.Run.Trouble.Reason != "":
		p.Message += "; " + next.Run.Trouble.Message
	}
	return p
}

// nothing says whether there is nothing to make a report from.
func (d *Due) nothing() bool { return d.Unread != nil || d.Lost != "" }

// without says what follows when there is nothing to make a report from, now or for ever.
func (d *Due) without(candidate string) Plan {
	if d.Unread != nil {
		return Plan{
			Reason: v1alpha1.ReasonReporting, Wait: tryAgain,
			Message: fmt.Sprintf("The report of the judgement of %s waits until its evidence can be read: %v", candidate, d.Unread),
		}
	}
	return Plan{Reason: v1alpha1.ReasonReportFailed, Message: fmt.Sprintf("There is no report of the judgement of %s: %s", candidate, d.Lost)}
}

func reported(epoch, candidate string, ref *v1alpha1.ReportReference) Plan {
	return Plan{
		Report: ref, Epoch: epoch, Reason: v1alpha1.ReasonReported,
		Message: fmt.Sprintf("%s in the artefact store shows how %s was judged; the page is report.html beside it", ref.URI, candidate),
	}
}

var errBadReport = errors.New("the report makes no sense")

// read takes a reference from an envelope that is about this judgement and lies where it belongs.
func read(key v1alpha1.Digest, t task.Judgement, e report.Envelope) (*v1alpha1.ReportReference, error) {
	if e.Verdict != report.Passed {
		return nil, fmt.Errorf("the report of the judgement of %s was refused: %s: %s", t.Candidate.Name, e.Reason, e.Message)
	}
	var s report.JudgementSummary
	if err := e.Into(report.KindJudgement, &s); err != nil {
		return nil, fmt.Errorf("reading report of a judgement: %w", err)
	}
	if e.Report == nil || e.Report.URI != task.JudgementFolder(string(key))+"report.json" || s.Pairs < 0 || s.Looks < 0 || min(s.Shared, s.Shown, s.Captured) < 0 {
		return nil, fmt.Errorf("reading report of a judgement: %w", errBadReport)
	}
	return &v1alpha1.ReportReference{URI: e.Report.URI, Digest: v1alpha1.Digest(e.Report.Digest)}, nil
}

// Act starts the Job that is planned and gives the plan with what became of it.
func Act(ctx context.Context, r *runner.Runner, tod *v1alpha1.TryOnDeployment, due *Due, p Plan) Plan {
	if p.Start == nil || due == nil {
		return p
	}
	w := resources.Work{
		Kind: resources.Judge, Namespace: tod.Namespace, Owner: tod.Name, Key: due.Key, Attempt: *p.Start, Placement: tod.Spec.Placement,
	}
	capture, err := resources.UsedCaptureOf(tod, r.Config.Store)
	var job *batchv1.Job
	if err == nil {
		job, err = r.Config.MakeJudgement(w, due.Task, capture)
	}
	if err == nil {
		err = r.Start(ctx, tod, job)
	}
	if err != nil {
		p.Reason, p.Message, p.Wait = v1alpha1.ReasonReportFailed, fmt.Sprintf("The report of the judgement of %s cannot be started: %v", due.Task.Candidate.Name, err), tryAgain
	}
	return p
}

// Summarize writes the report into the status and says in a condition where it stands.
func Summarize(tod *v1alpha1.TryOnDeployment, p Plan) {
	if j := tod.Status.Judgement; p.Report != nil && j != nil && j.Epoch == p.Epoch {
		j.Report = p.Report
	}
	state := metav1.ConditionFalse
	switch p.Reason {
	case "":
		meta.RemoveStatusCondition(&tod.Status.Conditions, v1alpha1.ConditionJudgementReported)
		return
	case v1alpha1.ReasonReported:
		state = metav1.ConditionTrue
	}
	status.Set(tod, v1alpha1.ConditionJudgementReported, state, p.Reason, p.Message)
}
