package datasetversion

import (
	"context"

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
}

func (r *Reconciler) observe(ctx context.Context, dataset *v1alpha1.TryOnDatasetVersion) (Observed, error) {
	runs, err := r.Runner.Jobs(ctx, dataset, client.MatchingLabels{names.LabelDatasetVersion: names.LabelValue(dataset.Name)})
	return Observed{Runs: runs, WorkerImage: r.Runner.Config.WorkerImage}, err
}
