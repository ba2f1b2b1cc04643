package tryonmodel

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Observed is what a decision about a model is made from.
type Observed struct {
	// Method is nil when it does not exist.
	Method *v1alpha1.TryOnMethod
	// Runs are the model's own pin Jobs.
	Runs []backend.Run
	// Datasets are all dataset versions of the namespace, Versions those of this model.
	Datasets []v1alpha1.TryOnDatasetVersion
	Versions []v1alpha1.TryOnModelVersion
	// HighestNumber is that of any version of the model's name; 0 without one. Those of an earlier model of that name live on while
	// they are served, and keep their names.
	HighestNumber int64
	// TrainerImage is that of this installation.
	TrainerImage string
}

func (r *Reconciler) observe(ctx context.Context, model *v1alpha1.TryOnModel) (Observed, error) {
	seen := Observed{TrainerImage: r.TrainerImage}
	method := &v1alpha1.TryOnMethod{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: model.Spec.Method.Name}, method)
	switch {
	case err == nil:
		seen.Method = method
	case !apierrors.IsNotFound(err):
		return seen, fmt.Errorf("reading method: %w", err)
	}
	seen.Runs, err = r.Runner.Jobs(ctx, model, client.MatchingLabels{
		names.LabelModel: names.LabelValue(model.Name), names.LabelWork: string(resources.Pin),
	})
	if err != nil {
		return seen, err
	}
	var datasets v1alpha1.TryOnDatasetVersionList
	if err := r.Client.List(ctx, &datasets, client.InNamespace(model.Namespace)); err != nil {
		return seen, fmt.Errorf("listing dataset versions: %w", err)
	}
	seen.Datasets = datasets.Items
	var versions v1alpha1.TryOnModelVersionList
	if err := r.Client.List(ctx, &versions, client.InNamespace(model.Namespace)); err != nil {
		return seen, fmt.Errorf("listing model versions: %w", err)
	}
	for i := range versions.Items {
		v := &versions.Items[i]
		if v.Spec.Model.Name == model.Name {
			seen.HighestNumber = max(seen.HighestNumber, v.Spec.Version)
		}
		if metav1.IsControlledBy(v, model) {
			seen.Versions = append(seen.Versions, *v)
		}
	}
	return seen, nil
}
