package modelversion

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Observed is what a decision about a version is made from.
type Observed struct {
	// Holders are the deployments that use the version.
	Holders []string
	// AskedForBy are the deployments whose spec names the version by its number.
	AskedForBy []string
	// Dataset is nil when it does not exist.
	Dataset *v1alpha1.TryOnDatasetVersion
	// Siblings are the other versions of the namespace, of any model.
	Siblings []v1alpha1.TryOnModelVersion
	// Runs are the version's own Jobs and PyTorchJobs.
	Runs             []backend.Run
	ServesPyTorchJob bool
	// Progress of the stages that run, by the names of their Jobs; one that does not answer is missing.
	Progress map[string]*Progress
	// WorkerImage and RuntimeImage are those of this installation.
	WorkerImage  string
	RuntimeImage string
}

// observe reads what a decision about an unfinished version needs. Of one that is published or being deleted nothing is asked any more:
// it is served, and a cluster that does not answer for a moment must not take that back.
func (r *Reconciler) observe(ctx context.Context, version *v1alpha1.TryOnModelVersion, holders []string) (Observed, error) {
	seen := Observed{Holders: holders, WorkerImage: r.Runner.Config.WorkerImage, RuntimeImage: r.Runner.Config.RuntimeImage}
	if !version.DeletionTimestamp.IsZero() || version.Status.Weights != nil {
		return seen, nil
	}
	var err error
	if seen.Dataset, err = r.dataset(ctx, version); err != nil {
		return seen, err
	}
	if seen.Siblings, err = r.siblings(ctx, version); err != nil {
		return seen, err
	}
	if seen.AskedForBy, err = r.askedForBy(ctx, version); err != nil {
		return seen, err
	}
	labels := client.MatchingLabels{names.LabelModelVersion: names.LabelValue(version.Name)}
	if seen.Runs, err = r.Runner.Jobs(ctx, version, labels); err != nil {
		return seen, err
	}
	// PyTorchJobs are listed from the API server at every look; one that may not use them asks for none.
	if version.Spec.Backend != v1alpha1.BackendJob {
		torch, served, err := r.Runner.PyTorchJobs(ctx, version, labels)
		if err != nil {
			return seen, err
		}
		seen.Runs, seen.ServesPyTorchJob = append(seen.Runs, torch...), served
	}
	seen.Progress = r.progress(ctx, version, seen.Runs)
	return seen, nil
}

func (r *Reconciler) dataset(ctx context.Context, version *v1alpha1.TryOnModelVersion) (*v1alpha1.TryOnDatasetVersion, error) {
	dataset := &v1alpha1.TryOnDatasetVersion{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: version.Namespace, Name: version.Spec.Dataset.Name}, dataset)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading dataset version: %w", err)
	}
	return dataset, nil
}

func (r *Reconciler) siblings(ctx context.Context, version *v1alpha1.TryOnModelVersion) ([]v1alpha1.TryOnModelVersion, error) {
	var list v1alpha1.TryOnModelVersionList
	if err := r.Client.List(ctx, &list, client.InNamespace(version.Namespace)); err != nil {
		return nil, fmt.Errorf("listing model versions: %w", err)
	}
	var others []v1alpha1.TryOnModelVersion
	for i := range list.Items {
		if list.Items[i].Name != version.Name {
			others = append(others, list.Items[i])
		}
	}
	return others, nil
}

// askedForBy names the deployments that wait for exactly this version, or serve it.
func (r *Reconciler) askedForBy(ctx context.Context, version *v1alpha1.TryOnModelVersion) ([]string, error) {
	var list v1alpha1.TryOnDeploymentList
	if err := r.Client.List(ctx, &list, client.InNamespace(version.Namespace)); err != nil {
		return nil, fmt.Errorf("listing deployments: %w", err)
	}
	var asking []string
	for i := range list.Items {
		if wantedBy(&list.Items[i]) == version.Name {
			asking = append(asking, list.Items[i].Name)
		}
	}
	return asking, nil
}

// progress asks the pods of the stages that run; the decision knows which one counts. A pod that does not answer costs a glimpse, not
// the pass.
func (r *Reconciler) progress(ctx context.Context, version *v1alpha1.TryOnModelVersion, runs []backend.Run) map[string]*Progress {
	told := map[string]*Progress{}
	for _, run := range runs {
		if run.Work != resources.Stage || run.State != backend.Running || run.Address == "" {
			continue
		}
		progress, err := r.Progress.Read(ctx, run.Address)
		if err != nil {
			ctrl.LoggerFrom(ctx).V(1).Info("No progress", "TryOnModelVersion", klog.KObj(version), "stage", run.Stage, "cause", err.Error())
			continue
		}
		told[run.Name] = &progress
	}
	return told
}
