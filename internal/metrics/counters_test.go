package metrics_test

import (
	"testing"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/metrics"
	"github.com/braincreators/tryon-operator/internal/metrics/metricstest"
	"github.com/braincreators/tryon-operator/internal/resources"
)

func TestCountersAreThereFromTheBeginningAndCount(t *testing.T) {
	for series, count := range map[string]func(){
		`tryon_rollouts_total{outcome="RolledBack"}`:       func() { metrics.RolloutEnded(v1alpha1.ReasonRolledBack) },
		`tryon_evidence_dropped_total{reason="Backwards"}`: func() { metrics.EvidenceDropped(evidence.Backwards, 1) },
		`tryon_job_retries_total{work="publish"}`:          func() { metrics.JobRetried(resources.Publish) },
	} {
		before := metricstest.Total(t, series)
		count()
		if after := metricstest.Total(t, series); after != before+1 {
			t.Errorf("%s was %g and is %g", series, before, after)
		}
	}
}
