package tryondeployment

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/reporting"
)

// observeReport looks for the report of a judgement that has ended. What it cannot read is said, and holds nothing up.
func (r *Reconciler) observeReport(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed) {
	compared := ""
	if seen.Control.Shadow != nil {
		compared = seen.Control.Shadow.Epoch
	}
	end := reporting.Ended(obj, compared, r.Clock.Now())
	if end == nil {
		return
	}
	found := reporting.Evidence{End: end, Versions: seen.Versions}
	config := &corev1.ConfigMap{}
	ok, err := r.getOwned(ctx, obj, "ConfigMap", names.Evidence(obj.Name), config)
	if found.Unread = err; ok && err == nil {
		// A ledger that makes no sense is none.
		found.Ledger, _ = evidence.DecodeLedger([]byte(config.Data[evidence.LedgerKey]))
	}
	seen.Report = reporting.Observe(ctx, r.Runner, obj, found)
}
