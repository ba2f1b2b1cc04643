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

// halt is an end of the stage other than success.
type halt struct {
	verdict report.Verdict
	reason  string
	err     error
}

func (h *halt) Error() string { return h.err.Error() }
func (h *halt) Unwrap() error { return h.err }

func errored(reason string, err error) error { return &halt{report.Errored, reason, err} }
func failed(reason string, err error) error  { return &halt{report.Failed, reason, err} }

// envelope makes the stage's last word from its document or from the error that ended it.
func (s *session) envelope(doc *Document, ref *report.Reference, err error) report.Envelope {
	var h *halt
	switch {
	case err == nil && doc == nil:
		// Another rank has the result.
		e, _ := report.New(report.KindStage, s.o.Task.Key, report.Passed, nil)
		return e
	case err == nil:
		e, encodeErr := report.New(report.KindStage, s.o.Task.Key, report.Passed, doc.Summary)
		if encodeErr == nil {
			e.Report = ref
			return e
		}
		h = &halt{report.Errored, ReasonBadOutput, encodeErr}
	case !errors.As(err, &h):
		h = &halt{report.Errored, ReasonStoreUnavailable, err}
	}
	e, _ := report.New(report.KindStage, s.o.Task.Key, h.verdict, nil)
	e.Reason, e.Message = h.reason, h.Error()
	return e
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
