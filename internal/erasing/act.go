package erasing

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// Act carries a plan out and gives it with what became of it. tod gets the finalizers that it has then.
func (e *Eraser) Act(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen, p Plan) Plan {
	var err error
	if p.Stop {
		err = e.stop(ctx, tod, seen)
	}
	if err == nil && p.Clear {
		err = e.clear(ctx, tod, seen)
	}
	if err == nil && p.Start != nil {
		p = e.start(ctx, tod, seen, p)
	}
	if err == nil && p.Permit {
		err = e.grant(ctx, tod, seen)
	}
	if err == nil && (p.Hold || p.LetGo) {
		err = e.finalize(ctx, tod, p.Hold)
	}
	if err != nil {
		return Plan{Place: tod.Status.Capture, Reason: p.Reason, Message: p.Message, Ends: true, Err: err}
	}
	return p
}

// Announce tells what a plan has to tell, once all that it tells of is written.
func (e *Eraser) Announce(tod *v1alpha1.TryOnDeployment, p Plan) {
	if p.Told.Reason != "" {
		e.Recorder.Eventf(tod, nil, p.Told.Type, p.Told.Reason, "Capture", "%s", p.Told.Note)
	}
}

// grant lets pods keep requests in the place of the status.
func (e *Eraser) grant(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen) error {
	return e.Run.Applier.Apply(ctx, tod, serving.MakeCapturePermit(tod, seen.Folder))
}

// stop ends what uses the place. Deployments roll by themselves, but for those of an object that is being deleted.
func (e *Eraser) stop(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen) error {
	var users []client.Object
	for _, job := range seen.Jobs {
		users = append(users, job)
	}
	for _, d := range seen.Deployments {
		if !tod.DeletionTimestamp.IsZero() {
			users = append(users, d)
		}
	}
	for _, user := range users {
		if err := apply.Remove(ctx, e, user); err != nil {
			return err
		}
	}
	return nil
}

// clear removes Jobs that erase, with their NetworkPolicy.
func (e *Eraser) clear(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen) error {
	for _, run := range seen.Runs {
		if err := e.Run.Stop(ctx, tod.Namespace, run); err != nil {
			return err
		}
	}
	if seen.Policy == nil {
		return nil
	}
	return apply.Remove(ctx, e, seen.Policy)
}

// start makes the Job that erases. What the API server refuses is said and tried again.
func (e *Eraser) start(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen, p Plan) Plan {
	work := resources.Work{
		Kind: resources.Erase, Namespace: tod.Namespace, Owner: tod.Name, Key: keyOf(tod, seen.Folder), Attempt: *p.Start, Placement: tod.Spec.Placement,
	}
	job, err := e.Run.Config.MakeErase(work, seen.Folder)
	if err == nil {
		err = e.Run.Applier.Apply(ctx, tod, serving.MakeErasePolicy(tod))
	}
	if err == nil {
		err = e.Run.Start(ctx, tod, job)
	}
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		left := abandoned(seen.Folder, tod.Status.Capture.URI)
		// The namespace takes no more events either.
		ctrl.LoggerFrom(ctx).Info("Captured requests are not erased, because their namespace is being deleted", "place", seen.Folder.Shown)
		return Plan{LetGo: true, Ends: true, Gone: !tod.DeletionTimestamp.IsZero(), Told: left}
	case err != nil:
		p.Reason, p.Wait = v1alpha1.ReasonEraseFailed, tryAgain
		p.Message = fmt.Sprintf("captured requests in %s cannot be erased, because the Job is refused: %v; %s", seen.Folder.Shown, err, givingUp(tod))
	}
	return p
}

// abandoned says what becomes of captured requests whose namespace is being deleted.
func abandoned(folder resources.Capture, uri string) Told {
	if strings.HasPrefix(uri, "pvc://") {
		return Told{corev1.EventTypeNormal, v1alpha1.ReasonCapturesLeft, fmt.Sprintf("Captured requests in %s go with the claim: the namespace is being deleted", folder.Shown)}
	}
	return Told{corev1.EventTypeWarning, v1alpha1.ReasonCapturesLeft, fmt.Sprintf(
		"Captured requests in %s are left there, because the namespace is being deleted and takes no Job that could erase them: delete %s", folder.Shown, folder.URI)}
}

// finalize writes the finalizer, or takes it away.
func (e *Eraser) finalize(ctx context.Context, tod *v1alpha1.TryOnDeployment, hold bool) error {
	before := tod.DeepCopy()
	change := controllerutil.RemoveFinalizer
	if hold {
		change = controllerutil.AddFinalizer
	}
	if !change(tod, names.CapturesFinalizer) {
		return nil
	}
	err := e.Patch(ctx, tod, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing finalizer of captured requests: %w", err)
	}
	return nil
}
