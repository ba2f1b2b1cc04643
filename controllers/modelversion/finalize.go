package modelversion

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
)

// finalize keeps the finalizer exactly while a TryOnDeployment uses the version, and gives the names of those that do. A version
// that nobody uses has no finalizer, so that deleting it never waits for the manager.
func (r *Reconciler) finalize(ctx context.Context, version *v1alpha1.TryOnModelVersion) ([]string, error) {
	var deployments v1alpha1.TryOnDeploymentList
	if err := r.Client.List(ctx, &deployments, client.InNamespace(version.Namespace)); err != nil {
		return nil, fmt.Errorf("listing deployments: %w", err)
	}
	holders := holdersOf(version.Name, deployments.Items)
	before, _ := version.DeepCopyObject().(client.Object)
	changed := false
	switch {
	case len(holders) == 0:
		changed = controllerutil.RemoveFinalizer(version, names.InUseFinalizer)
	case version.DeletionTimestamp.IsZero():
		// The API server takes no new finalizer on an object that is being deleted.
		changed = controllerutil.AddFinalizer(version, names.InUseFinalizer)
	}
	if !changed {
		return holders, nil
	}
	err := r.Client.Patch(ctx, version, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("writing finalizer: %w", err)
	}
	return holders, nil
}

// holdersOf names the deployments that serve a version or move to it.
func holdersOf(version string, deployments []v1alpha1.TryOnDeployment) []string {
	var holders []string
	for i := range deployments {
		if slices.Contains(versionsOf(&deployments[i]), version) {
			holders = append(holders, deployments[i].Name)
		}
	}
	slices.Sort(holders)
	return holders
}

func versionsOf(d *v1alpha1.TryOnDeployment) []string {
	var versions []string
	if d.Status.Stable != "" {
		versions = append(versions, d.Status.Stable)
	}
	if d.Status.Candidate != nil && d.Status.Candidate.Version != "" {
		versions = append(versions, d.Status.Candidate.Version)
	}
	return versions
}

// wantedBy is the version that a deployment's spec names by its number; empty when it takes the newest.
func wantedBy(d *v1alpha1.TryOnDeployment) string {
	if d.Spec.Model.Version == 0 {
		return ""
	}
	return names.ModelVersion(d.Spec.Model.Name, d.Spec.Model.Version)
}
