package tryonmodel

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/runner"
)

func TestVersionsOfAnEarlierModelOfTheNameAreCountedAndNotTakenOver(t *testing.T) {
	version := func(model string, n int64, owner types.UID) *v1alpha1.TryOnModelVersion {
		v := &v1alpha1.TryOnModelVersion{Spec: v1alpha1.TryOnModelVersionSpec{Model: v1alpha1.ModelReference{Name: model}, Version: n}}
		v.Namespace, v.Name = "shop", names.ModelVersion(model, n)
		v.OwnerReferences = []metav1.OwnerReference{{UID: owner, Controller: ptr.To(true)}}
		return v
	}
	model := newWorld().model
	c := fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).
		WithObjects(version("tops", 3, "an-earlier-tops"), version("tops", 2, model.UID), version("blouses", 9, "uid-of-blouses")).Build()
	seen, err := (&Reconciler{Client: c, Runner: &runner.Runner{Cached: c}}).observe(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	if seen.HighestNumber != 3 {
		t.Errorf("the highest number is %d, want 3", seen.HighestNumber)
	}
	if len(seen.Versions) != 1 || seen.Versions[0].Name != "tops-v2" {
		t.Errorf("its own versions are %+v, want tops-v2", seen.Versions)
	}
}
