package datasetversion

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
)

// Observed is what a decision about a dataset version is made from.
type Observed struct {
	// Runs are its own data-test Jobs.
	Runs []backend.Run
	// WorkerImage is that of this installation.
	WorkerImage string
	// Placement is where the first of the models that use the record lets its pods run.
	Placement v1alpha1.PodPlacement
}

func (r *Reconciler) observe(ctx context.Context, dataset *v1alpha1.TryOnDatasetVersion) (Observed, error) {
	seen := Observed{WorkerImage: r.Runner.Config.WorkerImage}
	var err error
	if seen.Runs, err = r.Runner.Jobs(ctx, dataset, client.MatchingLabels{names.LabelDatasetVersion: names.LabelValue(dataset.Name)}); err != nil {
		return seen, err
	}
	seen.Placement, err = r.placement(ctx, dataset)
	return seen, err
}

// placement reads the model's own spec: a record never changes, and where its tests run is no part of it.
func (r *Reconciler) placement(ctx context.Context, dataset *v1alpha1.TryOnDatasetVersion) (v1alpha1.PodPlacement, error) {
	for _, owner := range dataset.OwnerReferences {
		model := &v1alpha1.TryOnModel{}
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: dataset.Namespace, Name: owner.Name}, model)
		switch {
		case err == nil && model.UID == owner.UID:
			return model.Spec.Training.Placement, nil
		case client.IgnoreNotFound(err) != nil:
			return v1alpha1.PodPlacement{}, fmt.Errorf("reading model: %w", err)
		}
	}
	return v1alpha1.PodPlacement{}, nil
}
