package judging

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/serving"
)

func TestThePolicyOfAReplayGoesAlsoWhenItsJobHasGoneBefore(t *testing.T) {
	tod := storefront()
	policy := serving.MakeReplayPolicy(tod)
	policy.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(tod, v1alpha1.GroupVersion.WithKind("TryOnDeployment"))}
	c := court(t, nil, policy)
	look := shadowed(tod)
	look.Wanted = look.Stable
	seen, err := c.Observe(t.Context(), tod, look)
	if err != nil || len(seen.Replay.Runs) != 0 {
		t.Fatalf("%+v, %v", seen.Replay, err)
	}
	if err := c.Clear(t.Context(), tod, seen); err != nil {
		t.Fatal(err)
	}
	if err := c.Live.Get(t.Context(), client.ObjectKeyFromObject(policy), &networkingv1.NetworkPolicy{}); !apierrors.IsNotFound(err) {
		t.Errorf("after clearing: %v, want not found", err)
	}
	if err := c.Clear(t.Context(), tod, Seen{}); err != nil {
		t.Errorf("nobody has looked: %v", err)
	}
}
