package tryonmodel

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/status"
)

// summarize writes what was decided into the status, in memory only. err is what kept the decision from being carried out.
func summarize(model *v1alpha1.TryOnModel, plan Plan, versions []v1alpha1.TryOnModelVersion, err error) {
	s := &model.Status
	s.Pin, s.Dataset, s.Progress = plan.Pin, plan.DatasetName, ""
	if plan.Current != nil {
		s.LatestVersion, s.Progress = plan.Current.Name, plan.Current.Status.Progress
	}
	if plan.Version != nil && err == nil {
		s.LatestVersion = plan.Version.Name
	}
	s.ReadyVersion, s.Score = "", ""
	if ready := newestReady(versions); ready != nil {
		s.ReadyVersion, s.Score = ready.Name, ready.Status.Score
	}
	decided := plan.Message
	if err != nil {
		plan.Reason, plan.Message = status.ReasonOf(err), err.Error()
	}
	now := status.Words{Reason: plan.Reason, Message: plan.Message}
	for _, c := range []struct {
		phase         Phase
		condition     string
		done, message string
	}{
		{PhasePinning, v1alpha1.ConditionDatasetPinned, v1alpha1.ReasonPinned, pinnedMessage(s.Pin)},
		{PhaseTesting, v1alpha1.ConditionDataTestsPassed, v1alpha1.ReasonDataTestsPassed, "TryOnDatasetVersion " + s.Dataset + " passed"},
		{PhaseVersion, v1alpha1.ConditionVersionReady, v1alpha1.ReasonReady, decided},
	} {
		status.SetPhase(model, c.condition, cmp.Compare(plan.Phase, c.phase), status.Words{Reason: c.done, Message: c.message}, now)
	}
	status.SetReady(model, now)
}

func pinnedMessage(pin *v1alpha1.PinStatus) string {
	if pin == nil {
		return ""
	}
	return string(pin.Digest)
}

// newestReady gives the newest version that may be served; nil while there is none.
func newestReady(versions []v1alpha1.TryOnModelVersion) *v1alpha1.TryOnModelVersion {
	var passed []v1alpha1.TryOnModelVersion
	for i := range versions {
		v := &versions[i]
		if v.DeletionTimestamp.IsZero() && meta.IsStatusConditionTrue(v.Status.Conditions, v1alpha1.ConditionReady) {
			passed = append(passed, *v)
		}
	}
	return newestOf(passed)
}
