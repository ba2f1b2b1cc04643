package tryondeployment

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
)

const digest = v1alpha1.Digest("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

func version(model string, n int64, change ...func(*v1alpha1.TryOnModelVersion)) v1alpha1.TryOnModelVersion {
	v := v1alpha1.TryOnModelVersion{
		ObjectMeta: metav1.ObjectMeta{Name: names.ModelVersion(model, n), Namespace: "shop"},
		Spec:       v1alpha1.TryOnModelVersionSpec{Model: v1alpha1.ModelReference{Name: model}, Version: n},
		Status: v1alpha1.TryOnModelVersionStatus{
			Weights:    &v1alpha1.WeightsStatus{Digest: digest},
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady}},
		},
	}
	for _, c := range change {
		c(&v)
	}
	return v
}

func training(v *v1alpha1.TryOnModelVersion) {
	v.Status.Weights = nil
	v.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonTraining, Message: "pf-warp 40%",
	}}
}

func fresh(v *v1alpha1.TryOnModelVersion) { v.Status = v1alpha1.TryOnModelVersionStatus{} }

func weightless(v *v1alpha1.TryOnModelVersion) { v.Status.Weights = nil }

// unread is published, and could not be looked at the last time.
func unread(v *v1alpha1.TryOnModelVersion) {
	v.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonReconcileError}}
}

func deleted(v *v1alpha1.TryOnModelVersion) {
	now := metav1.Now()
	v.DeletionTimestamp = &now
}

func serve(model string, fixed int64) *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop", UID: "tod", Generation: 3},
		Spec:       v1alpha1.TryOnDeploymentSpec{Model: v1alpha1.ServedModel{Name: model, Version: fixed}},
	}
}

func TestTheVersionToServeIsFound(t *testing.T) {
	tests := map[string]struct {
		fixed    int64
		model    bool
		versions []v1alpha1.TryOnModelVersion
		want     resolution
	}{
		"no model": {
			want: resolution{"", v1alpha1.ReasonModelNotFound, "there is no TryOnModel tops in this namespace"},
		},
		"no version": {
			model: true,
			want:  resolution{"", v1alpha1.ReasonVersionNotReady, "TryOnModel tops has no version yet"},
		},
		"the newest by number and not by name": {
			model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 9), version("tops", 10), version("tops", 2)},
			want: resolution{"tops-v10", v1alpha1.ReasonResolved, "tops-v10 is the newest version that passed its gates"},
		},
		"one that trains is not served": {
			model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 1), version("tops", 2, training)},
			want: resolution{"tops-v1", v1alpha1.ReasonResolved, "tops-v1 is the newest version that passed its gates"},
		},
		"one whose condition is unknown is served on": {
			model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 1), version("tops", 2, unread)},
			want: resolution{"tops-v2", v1alpha1.ReasonResolved, "tops-v2 is the newest version that passed its gates"},
		},
		"one without weights is not served": {
			model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 1, weightless)},
			want: resolution{"", v1alpha1.ReasonVersionNotReady, "tops-v1 is not ready: Ready"},
		},
		"another model's is not served": {
			model: true, versions: []v1alpha1.TryOnModelVersion{version("shoes", 5), version("tops", 1)},
			want: resolution{"tops-v1", v1alpha1.ReasonResolved, "tops-v1 is the newest version that passed its gates"},
		},
		"one that is being deleted gives way to an older one": {
			model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 1), version("tops", 2, deleted)},
			want: resolution{"tops-v1", v1alpha1.ReasonResolved, "tops-v1 is the newest version that passed its gates"},
		},
		"only one that is being deleted": {
			model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 2, deleted)},
			want: resolution{"", v1alpha1.ReasonVersionNotReady, "tops-v2 is being deleted"},
		},
		"only one that trains": {
			model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 1, training)},
			want: resolution{"", v1alpha1.ReasonVersionNotReady, "tops-v1 is not ready: Training: pf-warp 40%"},
		},
		"only one that has not begun": {
			model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 1, fresh)},
			want: resolution{"", v1alpha1.ReasonVersionNotReady, "tops-v1 is not ready yet"},
		},
		"a fixed older one": {
			fixed: 1, model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 1), version("tops", 2)},
			want: resolution{"tops-v1", v1alpha1.ReasonResolved, "tops-v1 is asked for"},
		},
		"a fixed one that is being deleted is served on": {
			fixed: 1, model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 1, deleted), version("tops", 2)},
			want: resolution{"tops-v1", v1alpha1.ReasonResolved, "tops-v1 is asked for"},
		},
		"a fixed one that does not exist": {
			fixed: 7, model: true, versions: []v1alpha1.TryOnModelVersion{version("tops", 1)},
			want: resolution{"", v1alpha1.ReasonVersionNotReady, "TryOnModel tops has no version 7"},
		},
		"a version that outlives its model is served": {
			versions: []v1alpha1.TryOnModelVersion{version("tops", 1)},
			want:     resolution{"tops-v1", v1alpha1.ReasonResolved, "tops-v1 is the newest version that passed its gates"},
		},
	}
	model := &v1alpha1.TryOnModel{}
	model.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonDataTestsFailed, Message: "ds-1: check train-test-leak"}}
	if got, want := resolve(serve("tops", 0), &Observed{Model: model}).Message, "TryOnModel tops has no version yet: DataTestsFailed: ds-1: check train-test-leak"; got != want {
		t.Errorf("a model that says why: %q, want %q", got, want)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			seen := &Observed{Versions: tt.versions}
			if tt.model {
				seen.Model = &v1alpha1.TryOnModel{}
			}
			if diff := cmp.Diff(tt.want, resolve(serve("tops", tt.fixed), seen)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
