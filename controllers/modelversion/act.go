package modelversion

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// act stops what is no longer needed, starts the work that was decided on, training behind its NetworkPolicy, and sees to it that work
// that has not begun is as it would be built now.
func (r *Reconciler) act(ctx context.Context, version *v1alpha1.TryOnModelVersion, seen Observed, plan Plan) error {
	for _, run := range plan.Abandon {
		if err := r.Runner.Stop(ctx, version.Namespace, run); err != nil {
			return err
		}
	}
	work := plan.Start
	if work == nil {
		work = plan.Renew
	}
	if work == nil {
		return nil
	}
	job, err := makeWork(r.Runner.Config, version, seen, *work)
	if err != nil {
		return fmt.Errorf("making %s job: %w", work.Kind, err)
	}
	if work.Kind == resources.Stage {
		policy := r.Runner.Config.MakeStagePolicy(workOf(version, *work), resources.Nodes(work.Stage.Stage))
		if err := r.Runner.Applier.Apply(ctx, version, policy); err != nil {
			return err
		}
	}
	if plan.Start == nil {
		return r.Runner.Renew(ctx, plan.Unbegun, job)
	}
	return r.Runner.Start(ctx, version, job)
}

func workOf(version *v1alpha1.TryOnModelVersion, start Start) resources.Work {
	return resources.Work{
		Kind: start.Kind, Namespace: version.Namespace, Owner: version.Name, Model: version.Spec.Model.Name, ModelVersion: version.Name,
		Stage: start.Stage.Stage.Name, Key: start.Key, Attempt: start.Attempt, Placement: version.Spec.Placement,
	}
}

// makeWork builds the object of a piece of work.
func makeWork(config resources.Config, version *v1alpha1.TryOnModelVersion, seen Observed, start Start) (client.Object, error) {
	w := workOf(version, start)
	switch start.Kind {
	case resources.Evaluate:
		return config.MakeEvaluation(w, seen.Dataset.Spec, start.Weights, version.Spec.Evaluation)
	case resources.Publish:
		return config.MakePublish(w, start.Publish)
	}
	template, err := config.MakeStagePod(w, start.Stage)
	if err != nil {
		return nil, err
	}
	return backend.Make(start.Backend, w, template, resources.Nodes(start.Stage.Stage)), nil
}
