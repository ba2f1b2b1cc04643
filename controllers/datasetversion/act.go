package datasetversion

import (
	"context"
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// act stops what is no longer needed, starts the attempt that was decided on, and sees to it that one that has not begun is as it
// would be built now.
func (r *Reconciler) act(ctx context.Context, dataset *v1alpha1.TryOnDatasetVersion, seen Observed, plan Plan) error {
	for _, run := range plan.Abandon {
		if err := r.Runner.Stop(ctx, dataset.Namespace, run); err != nil {
			return err
		}
	}
	model := ptr.Deref(seen.Model, v1alpha1.TryOnModel{}).Spec
	work := resources.Work{
		Kind: resources.DataTest, Namespace: dataset.Namespace, Owner: dataset.Name, DatasetVersion: dataset.Name,
		Key: plan.Key, Placement: model.Training.Placement,
	}
	switch {
	case plan.Start != nil:
		work.Attempt = *plan.Start
	case plan.Renew != nil:
		work.Attempt = plan.Renew.Attempt
	default:
		return nil
	}
	job, err := r.Runner.Config.MakeDataTest(work, dataset.Spec, model.Dataset.Resources)
	if err != nil {
		return fmt.Errorf("making data-test job: %w", err)
	}
	if plan.Renew != nil {
		return r.Runner.Renew(ctx, *plan.Renew, job)
	}
	return r.Runner.Start(ctx, dataset, job)
}
