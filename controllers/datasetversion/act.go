package datasetversion

import (
	"context"
	"fmt"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// act stops what is no longer needed and starts the attempt that was decided on.
func (r *Reconciler) act(ctx context.Context, dataset *v1alpha1.TryOnDatasetVersion, plan Plan) error {
	for _, run := range plan.Abandon {
		if err := r.Runner.Stop(ctx, dataset.Namespace, run); err != nil {
			return err
		}
	}
	if plan.Start == nil {
		return nil
	}
	job, err := r.Runner.Config.MakeDataTest(resources.Work{
		Kind: resources.DataTest, Namespace: dataset.Namespace, Owner: dataset.Name, DatasetVersion: dataset.Name,
		Key: plan.Key, Attempt: *plan.Start, Placement: dataset.Spec.Placement,
	}, dataset.Spec)
	if err != nil {
		return fmt.Errorf("making data-test job: %w", err)
	}
	return r.Runner.Start(ctx, dataset, job)
}
