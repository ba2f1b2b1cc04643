package apply

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/braincreators/tryon-operator/internal/names"
)

// ErrNotOwned says that an object of the wanted name exists and belongs to somebody else. It is never touched.
var ErrNotOwned = errors.New("the object belongs to somebody else")

// Applier applies desired objects as children of their owners. It is safe for concurrent use.
type Applier struct {
	client client.Client
	scheme *runtime.Scheme
	// answers to Reapply, by object.
	answers *lru.Cache
}

// New makes an Applier that writes through c.
func New(c client.Client, scheme *runtime.Scheme) *Applier {
	return &Applier{client: c, scheme: scheme, answers: lru.New(remembered)}
}

// Apply makes the cluster hold desired as a child of owner: it sets the controller reference, refuses (ErrNotOwned) an object that
// another owner has, and applies with our field manager. desired is not changed.
func (a *Applier) Apply(ctx context.Context, owner, desired client.Object) error {
	content, err := a.childOf(owner, desired)
	if err != nil {
		return err
	}
	return a.writeChild(ctx, owner, content)
}

// ApplyShared makes the cluster hold an object that several owners use, or none. An object that the operator did not make is
// refused (ErrNotOwned). desired may carry plain owner references; it is not changed.
func (a *Applier) ApplyShared(ctx context.Context, desired client.Object) error {
	content, err := a.contentOf(desired)
	if err != nil {
		return err
	}
	return a.write(ctx, content, func(current client.Object) bool {
		return current.GetLabels()[names.LabelManagedBy] == names.FieldManager
	})
}

// Read reads the child of that name of an owner, and refuses (ErrNotOwned) one that somebody else made under it.
func Read(ctx context.Context, r client.Reader, owner client.Object, name string, into client.Object) (found bool, err error) {
	// The Go type of an object that is not of unstructured content is named after its kind.
	kind := reflect.TypeOf(into).Elem().Name()
	switch err := r.Get(ctx, client.ObjectKey{Namespace: owner.GetNamespace(), Name: name}, into); {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading %s %s: %w", kind, name, err)
	case !metav1.IsControlledBy(into, owner):
		return false, fmt.Errorf("%w: %s %s exists; delete or rename it", ErrNotOwned, kind, name)
	}
	return true, nil
}

// childOf is what to apply for a desired child.
func (a *Applier) childOf(owner, desired client.Object) (*unstructured.Unstructured, error) {
	child, ok := desired.DeepCopyObject().(client.Object)
	if !ok {
		return nil, fmt.Errorf("copying %T: not a client object", desired)
	}
	if err := controllerutil.SetControllerReference(owner, child, a.scheme); err != nil {
		return nil, fmt.Errorf("setting owner of %s: %w", child.GetName(), err)
	}
	return a.contentOf(child)
}

// contentOf is what to apply for an object: nothing but what we want of it.
func (a *Applier) contentOf(obj client.Object) (*unstructured.Unstructured, error) {
	gvk, err := apiutil.GVKForObject(obj, a.scheme)
	if err != nil {
		return nil, fmt.Errorf("finding kind of %s: %w", obj.GetName(), err)
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj.DeepCopyObject())
	if err != nil {
		return nil, fmt.Errorf("converting %s %s: %w", gvk.Kind, obj.GetName(), err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetGroupVersionKind(gvk)
	u.SetManagedFields(nil)
	u.SetResourceVersion("")
	// An empty status or a null creationTimestamp would be claimed as ours.
	unstructured.RemoveNestedField(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	return u, nil
}

func (a *Applier) writeChild(ctx context.Context, owner client.Object, content *unstructured.Unstructured) error {
	return a.write(ctx, content, func(current client.Object) bool { return metav1.IsControlledBy(current, owner) })
}

// write applies content, which becomes what the API server answers.
func (a *Applier) write(ctx context.Context, content *unstructured.Unstructured, ours func(current client.Object) bool) error {
	kind, name := content.GetKind(), content.GetName()
	current := &metav1.PartialObjectMetadata{}
	current.SetGroupVersionKind(content.GroupVersionKind())
	switch err := a.client.Get(ctx, client.ObjectKeyFromObject(content), current); {
	case err == nil && !ours(current):
		return fmt.Errorf("%w: %s %s/%s exists; delete or rename it", ErrNotOwned, kind, content.GetNamespace(), name)
	case client.IgnoreNotFound(err) != nil:
		return fmt.Errorf("reading %s %s: %w", kind, name, err)
	}
	err := a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(content), client.FieldOwner(names.FieldManager), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", kind, name, err)
	}
	return nil
}

// Remove deletes an object, and exactly the one that was seen. One that is gone already is fine.
func Remove(ctx context.Context, w client.Writer, obj client.Object) error {
	uid := obj.GetUID()
	err := w.Delete(ctx, obj, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting %s: %w", obj.GetName(), err)
	}
	return nil
}
