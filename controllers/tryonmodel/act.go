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
	if err := r.pin(ctx, model, plan); err != nil {
		return err
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

// pin starts the pin Job that was decided on, or sees to it that the one that has not begun is as the spec wants it.
func (r *Reconciler) pin(ctx context.Context, model *v1alpha1.TryOnModel, plan Plan) error {
	work := resources.Work{
		Kind: resources.Pin, Namespace: model.Namespace, Owner: model.Name, Model: model.Name,
		Key: plan.PinKey, Placement: model.Spec.Training.Placement,
	}
	switch {
	case plan.StartPin != nil:
		work.Attempt = *plan.StartPin
	case plan.RenewPin != nil:
		work.Attempt = plan.RenewPin.Attempt
	default:
		return nil
	}
	job, err := r.Runner.Config.MakePin(work, model.Spec.Dataset)
	if err != nil {
		return fmt.Errorf("making pin job: %w", err)
	}
	if plan.RenewPin != nil {
		return r.Runner.Renew(ctx, *plan.RenewPin, job)
	}
	return r.Runner.Start(ctx, model, job)
}
