package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// The counters are the process's, as those of controller-runtime are: one operator counts, however many objects it has.
var (
	rollouts        = rolloutsTotal.counter()
	evidenceDropped = evidenceDroppedTotal.counter()
	jobRetries      = jobRetriesTotal.counter()

	counters = []*prometheus.CounterVec{rollouts, evidenceDropped, jobRetries}
)

// RolloutEnded counts a version that took over or was refused, by the reason in the history.
func RolloutEnded(reason string) { rollouts.WithLabelValues(reason).Inc() }

// EvidenceDropped counts reports that were dropped from the evidence about a candidate.
func EvidenceDropped(reason evidence.Reason, reports int64) {
	evidenceDropped.WithLabelValues(string(reason)).Add(float64(reports))
}

// JobRetried counts a Job that follows one that failed or was interrupted.
func JobRetried(work resources.Kind) { jobRetries.WithLabelValues(string(work)).Inc() }
