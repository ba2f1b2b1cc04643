package replayjob

import (
	"context"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// behind reads as a cache does that has not seen the newest yet.
type behind struct {
	client.Client
	seen *networkingv1.NetworkPolicy
}

func (b behind) Get(_ context.Context, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	b.seen.DeepCopyInto(obj.(*networkingv1.NetworkPolicy))
	return nil
}

func TestOnlyThePolicyThatWasSeenIsDeleted(t *testing.T) {
	c := apitest.Client(t, apitest.Start(t))
	tod := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "default", UID: "tod"}}
	create := func() *networkingv1.NetworkPolicy {
		t.Helper()
		policy := serving.MakeReplayPolicy(tod)
		if err := controllerutil.SetControllerReference(tod, policy, c.Scheme()); err != nil {
			t.Fatal(err)
		}
		if err := c.Create(t.Context(), policy); err != nil {
			t.Fatal(err)
		}
		return policy
	}
	first := create()
	if err := c.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second := create()

	if err := (&Jobs{Client: behind{c, first}}).Clear(t.Context(), tod, &Seen{}); !apierrors.IsConflict(err) {
		t.Errorf("clearing what another has replaced gives %v, want a conflict, after which it is looked at again", err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(second), &networkingv1.NetworkPolicy{}); err != nil {
		t.Errorf("the new policy: %v", err)
	}
	if err := (&Jobs{Client: c}).Clear(t.Context(), tod, &Seen{}); err != nil {
		t.Errorf("clearing: %v", err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(second), &networkingv1.NetworkPolicy{}); !apierrors.IsNotFound(err) {
		t.Errorf("after clearing: %v, want not found", err)
	}
}
