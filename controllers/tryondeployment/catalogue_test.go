package tryondeployment

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

func TestACatalogueThatCannotBeReadIsACondition(t *testing.T) {
	obj, seen := serve("tops", 0), shifting()
	plan := Plan{Plan: rollout.Plan{Stable: "tops-v1", Stage: v1alpha1.ReasonServing}, At: servingpodtest.Noon}
	summarize(obj, seen, plan, nil)
	if meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionCatalogueReadable) != nil {
		t.Error("there is a condition and no catalogue")
	}
	obj.Spec.Catalogue.URI = "s3://vton/shopp"
	seen.Reports = map[types.UID]servingpod.Report{"1": {Generation: 4, Catalogue: &control.Catalogue{Trouble: "it holds no garment"}}}
	summarize(obj, seen, plan, nil)
	c := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionCatalogueReadable)
	if c == nil || c.Reason != v1alpha1.ReasonCatalogueUnreadable || !strings.Contains(c.Message, "it holds no garment") {
		t.Errorf("the condition is %+v", c)
	}
	if !meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionReady) {
		t.Error("Ready is not True, though whoever brings a picture is served")
	}
	obj.Spec.Catalogue = v1alpha1.BlobSource{}
	summarize(obj, seen, plan, nil)
	if meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionCatalogueReadable) != nil {
		t.Error("the condition outlives the catalogue")
	}
}

// settled is a look at one version that serves alone.
func settled() *Observed {
	seen := shifting()
	seen.Versions = []v1alpha1.TryOnModelVersion{version("tops", 1)}
	seen.Control = control.New(5, nil)
	seen.Deployments = []appsv1.Deployment{deploymentFact("tops-v1")}
	seen.Pods, seen.Slices = seen.Pods[:1], seen.Slices[1:2]
	return seen
}

func TestPodsAreAskedAboutTheirCatalogueNowAndThen(t *testing.T) {
	for uri, want := range map[string]bool{"": false, "s3://vton/garments": true} {
		obj, seen := serve("tops", 0), settled()
		obj.Spec.Catalogue.URI = uri
		if asked := len(podsToAsk(obj, seen)) > 0; asked != want {
			t.Errorf("with catalogue %q the pods are asked: %t, want %t", uri, asked, want)
		}
		if after := decide(obj, seen, servingpodtest.Noon).RecheckAfter; (after > 0 && after <= servingpod.Look) != want {
			t.Errorf("with catalogue %q the next look is in %s", uri, after)
		}
	}
}

func TestPodsAreAskedHowTheyKeepRequestsNowAndThen(t *testing.T) {
	for uri, want := range map[string]bool{"": false, "s3://vton/captures": true} {
		obj, seen := serve("tops", 0), settled()
		obj.Spec.Capture.To.URI = uri
		if asked := len(podsToAsk(obj, seen)) > 0; asked != want {
			t.Errorf("with place %q the pods are asked: %t, want %t", uri, asked, want)
		}
		if after := decide(obj, seen, servingpodtest.Noon).RecheckAfter; (after > 0 && after <= servingpod.Look) != want {
			t.Errorf("with place %q the next look is in %s", uri, after)
		}
	}
}
