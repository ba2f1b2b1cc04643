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
	// Model is the first of those that use the record: it says where the tests run, and with what. nil when there is none any more.
	Model *v1alpha1.TryOnModel
}

func (r *Reconciler) observe(ctx context.Context, dataset *v1alpha1.TryOnDatasetVersion) (Observed, error) {
	seen := Observed{WorkerImage: r.Runner.Config.WorkerImage}
	var err error
	if seen.Runs, err = r.Runner.Jobs(ctx, dataset, client.MatchingLabels{names.LabelDatasetVersion: names.LabelValue(dataset.Name)}); err != nil {
		return seen, err
	}
	seen.Model, err = r.model(ctx, dataset)
	return seen, err
}

// model reads the first model that uses a record: a record never changes, and where its tests run, and with what, is no part of it.
func (r *Reconciler) model(ctx context.Context, dataset *v1alpha1.TryOnDatasetVersion) (*v1alpha1.TryOnModel, error) {
	for _, owner := range dataset.OwnerReferences {
		model := &v1alpha1.TryOnModel{}
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: dataset.Namespace, Name: owner.Name}, model)
		switch {
		case err == nil && model.UID == owner.UID:
			return model, nil
		case client.IgnoreNotFound(err) != nil:
			return nil, fmt.Errorf("reading model: %w", err)
		}
	}
	return nil, nil
}
