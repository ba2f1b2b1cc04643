package datasetversion

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Plan is what one pass decided.
type Plan struct {
	// Reason and Message are those of the conditions.
	Reason  string
	Message string
	// Tests is the recorded outcome; nil while there is none.
	Tests *v1alpha1.DataTestsStatus
	// Start is the attempt to start now; nil for none.
	Start *resources.Attempt
	// Renew is the attempt that has not begun and is replaced where it would be built differently now; nil for none.
	Renew *backend.Run
	// Abandon are Jobs under way whose work is no longer needed.
	Abandon      []backend.Run
	Key          v1alpha1.Digest
	RecheckAfter time.Duration
}

// decide says whether the data passes, or what has to run to find out. A verdict is final; one that is not Passed is measured again
// only when another worker, with other checks, is installed, or when the retry annotation asks.
func decide(dataset *v1alpha1.TryOnDatasetVersion, seen Observed, now time.Time) Plan {
	round := resources.Round(dataset.Annotations[names.RetryAnnotation])
	p := Plan{Key: plan.DataTestKey(dataset.Spec.Digest, dataset.Spec.Checks, seen.WorkerImage, round), Tests: dataset.Status.Tests.DeepCopy()}
	if p.Tests != nil && (p.Tests.Verdict == v1alpha1.DataTestsVerdictPassed || p.Tests.Key == p.Key) {
		p.judge()
		p.Abandon = backend.Superseded(seen.Runs, "")
		return p
	}
	p.Abandon = backend.Superseded(seen.Runs, p.Key)
	next := backend.Decide(seen.Runs, p.Key, "", now)
	p.Start, p.RecheckAfter = next.Start, next.Wait
	if next.Unbegun {
		p.Renew = next.Run
	}
	p.Reason, p.Message = v1alpha1.ReasonDataTesting, "The data unit tests run"+next.Hitch()
	switch {
	case next.Errored:
		p.Reason, p.Message = v1alpha1.ReasonDataTestsErrored, "The data unit tests could not be run: "+next.Message
	case next.Run == nil:
		p.Message = "The data unit tests start"
	case next.Run.State == backend.Reported:
		p.record(next.Run.Report)
	case next.Run.Trouble.Reason != "":
		p.Reason, p.Message = next.Run.Trouble.Reason, next.Run.Trouble.Message
	}
	return p
}

func (p *Plan) record(envelope report.Envelope) {
	tests, err := readTests(p.Key, envelope)
	if err != nil {
		tests = &v1alpha1.DataTestsStatus{Key: p.Key, Verdict: v1alpha1.DataTestsVerdictErrored, Message: podwatch.Cut(err.Error())}
	}
	p.Tests = tests
	p.judge()
}

func (p *Plan) judge() {
	switch p.Tests.Verdict {
	case v1alpha1.DataTestsVerdictPassed:
		p.Reason, p.Message = v1alpha1.ReasonDataTestsPassed, summary(p.Tests)
	case v1alpha1.DataTestsVerdictErrored:
		p.Reason, p.Message = v1alpha1.ReasonDataTestsErrored, p.Tests.Message
	default:
		p.Reason, p.Message = v1alpha1.ReasonDataTestsFailed, p.Tests.Message
	}
}

var errBadReport = errors.New("the report makes no sense")

func readTests(key v1alpha1.Digest, envelope report.Envelope) (*v1alpha1.DataTestsStatus, error) {
	if envelope.Verdict == report.Failed && len(envelope.Summary) == 0 {
		// No check was begun, because spec.dataTests cannot take effect; the worker's message says what is wrong with it.
		return &v1alpha1.DataTestsStatus{
			Key: key, Verdict: v1alpha1.DataTestsVerdictFailed,
			Message: podwatch.Cut("dataTests of the TryOnModel cannot take effect: " + cmp.Or(envelope.Message, "the worker does not say why")),
		}, nil
	}
	var s report.DataTestsSummary
	if err := envelope.Into(report.KindDataTests, &s); err != nil {
		return nil, fmt.Errorf("reading report of the data unit tests: %w", err)
	}
	if s.Checks < 0 || s.Failed < 0 || s.Warned < 0 {
		return nil, fmt.Errorf("reading report of the data unit tests: %w: negative counts", errBadReport)
	}
	tests := &v1alpha1.DataTestsStatus{
		Key: key, Verdict: v1alpha1.DataTestsVerdictPassed, Checks: ptr.To(s.Checks), Failed: ptr.To(s.Failed), Warned: ptr.To(s.Warned),
	}
	if envelope.Report != nil {
		tests.Report = &v1alpha1.ReportReference{URI: envelope.Report.URI, Digest: v1alpha1.Digest(envelope.Report.Digest)}
	}
	if s.First != nil {
		tests.Message = podwatch.Cut(firstFailure(*s.First))
	}
	if envelope.Verdict == report.Failed {
		tests.Verdict = v1alpha1.DataTestsVerdictFailed
		if tests.Message == "" {
			tests.Message = podwatch.Cut(cmp.Or(envelope.Message, "a blocking check failed"))
		}
	}
	return tests, nil
}

// firstFailure names the check, how many rows offend, how many were allowed, and the first of them.
func firstFailure(f report.CheckFailure) string {
	offenders, which := "offenders", "the first is"
	if f.Count == 1 {
		offenders, which = "offender", "it is"
	}
	text := fmt.Sprintf("check %s (%s): %d %s, %d allowed; %s %s", f.Check, f.Severity, f.Count, offenders, f.Budget, which, f.Offender)
	if f.Detail != "" {
		text += " (" + f.Detail + ")"
	}
	return text
}

// summary tells the outcome in a column's width, for example "31 passed, 1 warned".
func summary(t *v1alpha1.DataTestsStatus) string {
	if t == nil || t.Verdict == v1alpha1.DataTestsVerdictErrored || t.Checks == nil {
		return ""
	}
	checks, failed, warned := ptr.Deref(t.Checks, 0), ptr.Deref(t.Failed, 0), ptr.Deref(t.Warned, 0)
	text := fmt.Sprintf("%d passed", max(0, checks-failed-warned))
	if warned > 0 {
		text += fmt.Sprintf(", %d warned", warned)
	}
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	return text
}
