package train

import (
	"context"
	"errors"
	"fmt"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/report"
)

// Reasons of a stage that did not pass.
const (
	// ReasonBadTask: the task itself makes no sense.
	ReasonBadTask = "BadTask"
	// ReasonStoreUnavailable: the artefact store could not be read or written.
	ReasonStoreUnavailable = "StoreUnavailable"
	// ReasonDatasetUnavailable: the dataset could not be fetched or is not the pinned one.
	ReasonDatasetUnavailable = "DatasetUnavailable"
	// ReasonParentUnavailable: the output of a stage that this one needs could not be fetched.
	ReasonParentUnavailable = "ParentUnavailable"
	// ReasonScratchUnavailable: the scratch folder or the progress port could not be used.
	ReasonScratchUnavailable = "ScratchUnavailable"
	// ReasonCommandNotStarted: the command could not be started.
	ReasonCommandNotStarted = "CommandNotStarted"
	// ReasonCommandFailed: the command ended with an exit code other than 0 or by a signal.
	ReasonCommandFailed = "CommandFailed"
	// ReasonParamsRefused: the command ended with exit code 2 before its first step: another attempt would end the same way.
	ReasonParamsRefused = "ParamsRefused"
	// ReasonTerminated: the pod was asked to stop; a new one resumes from the newest checkpoint.
	ReasonTerminated = "Terminated"
	// ReasonNonFiniteLoss: a loss became NaN or infinite.
	ReasonNonFiniteLoss = "NonFiniteLoss"
	// ReasonMetricOutOfBounds: a metric left the bounds of the task's health checks.
	ReasonMetricOutOfBounds = "MetricOutOfBounds"
	// ReasonNoOutput: the command ended well and left nothing.
	ReasonNoOutput = "NoOutput"
	// ReasonBadOutput: the output cannot be stored: links, devices, unsafe names, or too much.
	ReasonBadOutput = "BadOutput"
)

func errored(reason string, err error) error { return report.Errored.Because(reason, err) }
func failed(reason string, err error) error  { return report.Failed.Because(reason, err) }

// envelope makes the stage's last word from its document or from the error that ended it.
func (s *session) envelope(doc *Document, ref *report.Reference, err error) report.Envelope {
	switch {
	case err == nil && doc == nil:
		// Another rank has the result.
		e, _ := report.New(report.KindStage, s.o.Task.Key, report.Passed, nil)
		return e
	case err == nil:
		var e report.Envelope
		if e, err = report.New(report.KindStage, s.o.Task.Key, report.Passed, doc.Summary); err == nil {
			e.Report = ref
			return e
		}
		err = errored(ReasonBadOutput, err)
	}
	return report.End(report.KindStage, s.o.Task.Key, err, ReasonStoreUnavailable)
}

// damaged tells whether the store answered and what it holds is unusable, in contrast to a store that did not answer.
func damaged(err error) bool {
	for _, kind := range []error{
		artefact.ErrNotFound, artefact.ErrDigestMismatch, artefact.ErrSizeMismatch, artefact.ErrNotATree, artefact.ErrTooLarge,
		artefact.ErrUnsafePath, errBadDocument,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// orTerminated blames an error on the pod's end when that is what happened.
func orTerminated(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errored(ReasonTerminated, fmt.Errorf("asked to stop: %w", err))
	}
	return err
}
