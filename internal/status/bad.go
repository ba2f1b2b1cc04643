package status

import "github.com/braincreators/tryon-operator/api/v1alpha1"

// bad holds the reasons that ask a person to do something; their events are warnings.
var bad = map[string]bool{
	v1alpha1.ReasonPinFailed:           true,
	v1alpha1.ReasonDataTestsFailed:     true,
	v1alpha1.ReasonDataTestsErrored:    true,
	v1alpha1.ReasonTrainingFailed:      true,
	v1alpha1.ReasonUnschedulable:       true,
	v1alpha1.ReasonImagePullFailed:     true,
	v1alpha1.ReasonContainerNotStarted: true,
	v1alpha1.ReasonQuotaExceeded:       true,
	v1alpha1.ReasonPodRefused:          true,
	v1alpha1.ReasonGateFailed:          true,
	v1alpha1.ReasonEvaluationErrored:   true,
	v1alpha1.ReasonPublishFailed:       true,
	v1alpha1.ReasonMethodNotFound:      true,
	v1alpha1.ReasonStageNotFound:       true,
	v1alpha1.ReasonBackendUnavailable:  true,
	v1alpha1.ReasonStoreUnavailable:    true,
	v1alpha1.ReasonResourcesTooSmall:   true,
	v1alpha1.ReasonNotOwned:            true,
	v1alpha1.ReasonReconcileError:      true,
	v1alpha1.ReasonModelNotFound:       true,
	v1alpha1.ReasonCandidateFailed:     true,
	v1alpha1.ReasonUnavailable:         true,
	v1alpha1.ReasonRejected:            true,
	v1alpha1.ReasonForwardsFailed:      true,
	v1alpha1.ReasonReplayFailed:        true,
	v1alpha1.ReasonReportFailed:        true,
	v1alpha1.ReasonUnknownCommand:      true,
	v1alpha1.ReasonEraseFailed:         true,
	v1alpha1.ReasonCapturesLeft:        true,
	v1alpha1.ReasonCaptureFailing:      true,
	v1alpha1.ReasonCatalogueUnreadable: true,

	v1alpha1.ReasonScalingAtMaximum:       true,
	v1alpha1.ReasonScalingReadingsMissing: true,
	v1alpha1.ReasonScalingRequestCut:      true,
}

// Bad tells whether a reason asks a person to do something.
func Bad(reason string) bool { return bad[reason] }
