package tryonmodel

import (
	"context"
	"fmt"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// act stops what is no longer needed, and starts the pin and writes the records that were decided on.
func (r *Reconciler) act(ctx context.Context, model *v1alpha1.TryOnModel, plan Plan) error {
	for _, run := range plan.Abandon {
		if err := r.Runner.Stop(ctx, model.Namespace, run); err != nil {
			return err
		}
	}
	if plan.StartPin != nil {
		if err := r.startPin(ctx, model, plan); err != nil {
			return err
		}
	}
	if plan.Dataset != nil {
		if err := r.Runner.Applier.ApplyShared(ctx, plan.Dataset); err != nil {
			return err
		}
	}
	if plan.Version != nil {
		return r.Runner.Applier.Apply(ctx, model, plan.Version)
	}
	return nil
}

func (r *Reconciler) startPin(ctx context.Context, model *v1alpha1.TryOnModel, plan Plan) error {
	job, err := r.Runner.Config.MakePin(resources.Work{
		Kind: resources.Pin, Namespace: model.Namespace, Owner: model.Name, Model: model.Name,
		Key: plan.PinKey, Attempt: *plan.StartPin, Placement: model.Spec.Training.Placement,
	}, model.Spec.Dataset)
	if err != nil {
		return fmt.Errorf("making pin job: %w", err)
	}
	return r.Runner.Start(ctx, model, job)
}
