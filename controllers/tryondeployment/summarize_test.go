package tryondeployment

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

// conditions as "Type=Status Reason", in the order in which they were set.
func conditions(obj *v1alpha1.TryOnDeployment) string {
	var all []string
	for _, c := range obj.Status.Conditions {
		all = append(all, fmt.Sprintf("%s=%s %s", c.Type, c.Status, c.Reason))
	}
	return strings.Join(all, "; ")
}

func TestConditionsTellTheStage(t *testing.T) {
	serving := rollout.Plan{Stable: "tops-v1", Stage: v1alpha1.ReasonServing, Message: "tops-v1 is served by 1 pod"}
	tests := map[string]struct {
		fixed int64
		plan  rollout.Plan
		seen  *Observed
		err   error
		want  string
	}{
		"nothing to serve": {
			plan: rollout.Plan{Stage: v1alpha1.ReasonVersionNotReady}, seen: &Observed{},
			want: "ModelResolved=False ModelNotFound; Ready=False ModelNotFound",
		},
		"starting": {
			plan: rollout.Plan{Stable: "tops-v2", Stage: v1alpha1.ReasonStarting}, seen: &Observed{Versions: []v1alpha1.TryOnModelVersion{version("tops", 2)}},
			want: "ModelResolved=True Resolved; Available=False Starting; RolledOut=False Starting; Ready=False Starting",
		},
		"serving": {
			plan: serving, seen: shifting(),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=True Serving; Ready=True Serving",
		},
		"shifting": {
			plan: rollout.Plan{Stable: "tops-v1", Candidate: "tops-v2", Stage: v1alpha1.ReasonShifting}, seen: shifting(),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=False Shifting; Ready=False Shifting",
		},
		"the candidate failed": {
			plan: rollout.Plan{Stable: "tops-v1", Candidate: "tops-v2", Stage: v1alpha1.ReasonCandidateFailed}, seen: shifting(),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=False CandidateFailed; Ready=False CandidateFailed",
		},
		"judged in shadow": {
			plan: rollout.Plan{Stable: "tops-v1", Candidate: "tops-v2", Shadow: 20, Stage: v1alpha1.ReasonShadowing}, seen: shifting(),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=False Shadowing; Ready=False Shadowing",
		},
		"rejected": {
			plan: rollout.Plan{Stable: "tops-v1", Stage: v1alpha1.ReasonRejected}, seen: shifting(),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=False Rejected; Ready=True Rejected",
		},
		"the old pod serves and its replacement does not start": {
			plan: rollout.Plan{Stable: "tops-v1", Stage: v1alpha1.ReasonScaling, Carried: true}, seen: shifting(),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=False Scaling; Ready=True Scaling",
		},
		"a pod is missing": {
			plan: rollout.Plan{Stable: "tops-v1", Stage: v1alpha1.ReasonScaling}, seen: shifting(),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=False Scaling; Ready=False Scaling",
		},
		"the fixed version does not exist, and pods of the old one are replaced": {
			fixed: 9, plan: rollout.Plan{Stable: "tops-v1", Stage: v1alpha1.ReasonScaling, Carried: true}, seen: shifting(),
			want: "ModelResolved=False VersionNotReady; Available=True Serving; RolledOut=Unknown VersionNotReady; Ready=False VersionNotReady",
		},
		"no pod is left": {
			plan: rollout.Plan{Stable: "tops-v3", Stage: v1alpha1.ReasonUnavailable}, seen: shifting(),
			want: "ModelResolved=True Resolved; Available=False Unavailable; RolledOut=False Unavailable; Ready=False Unavailable",
		},
		"the fixed version does not exist and the old one serves on": {
			fixed: 9, plan: serving, seen: shifting(),
			want: "ModelResolved=False VersionNotReady; Available=True Serving; RolledOut=Unknown VersionNotReady; Ready=False VersionNotReady",
		},
		"a child belongs to somebody else": {
			plan: serving, seen: shifting(), err: fmt.Errorf("keeping: %w", apply.ErrNotOwned),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=True Serving; Ready=False NotOwned",
		},
		"the catalogue cannot be mounted": {
			plan: serving, seen: shifting(), err: fmt.Errorf("keeping: %w", resources.ErrStore),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=True Serving; Ready=False StoreUnavailable",
		},
		"the sidecar's memory is too small": {
			plan: serving, seen: shifting(), err: fmt.Errorf("keeping: %w", resources.ErrTooSmall),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=True Serving; Ready=False ResourcesTooSmall",
		},
		"a write failed": {
			plan: serving, seen: shifting(), err: errors.New("timeout"),
			want: "ModelResolved=True Resolved; Available=True Serving; RolledOut=True Serving; Ready=False ReconcileError",
		},
		"the cluster could not be read":        {err: errors.New("timeout"), want: "Ready=Unknown ReconcileError"},
		"the Service belongs to somebody else": {err: fmt.Errorf("%w: Service", apply.ErrNotOwned), want: "Ready=False NotOwned"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			obj := serve("tops", tt.fixed)
			summarize(obj, tt.seen, Plan{Plan: tt.plan, At: servingpodtest.Noon}, tt.err)
			if diff := cmp.Diff(tt.want, conditions(obj)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, c := range obj.Status.Conditions {
				if c.ObservedGeneration != obj.Generation {
					t.Errorf("%s speaks of generation %d, want %d", c.Type, c.ObservedGeneration, obj.Generation)
				}
			}
		})
	}
}

func TestTheStatusSaysWhatIsServed(t *testing.T) {
	obj := serve("tops", 0)
	plan := rollout.Plan{
		Stable: "tops-v1", Candidate: "tops-v2", Weight: 10, Stage: v1alpha1.ReasonShifting,
		Record: &rollout.Record{Version: "tops-v2", Step: 0, Generation: 4, Applied: servingpodtest.Noon},
	}
	summarize(obj, shifting(), Plan{Plan: plan, Capacity: capacity.Plan{Replicas: 2}, At: servingpodtest.Noon}, nil)
	obj.Status.Conditions, obj.Status.History = nil, nil
	want := v1alpha1.TryOnDeploymentStatus{
		Stable: "tops-v1", Weight: "10%", Replicas: ptr.To[int32](2), ReadyReplicas: ptr.To[int32](2), Pods: "1/2",
		Candidate: &v1alpha1.CandidateStatus{
			Version: "tops-v2", Step: ptr.To[int32](0), ControlGeneration: ptr.To[int64](4), AppliedTime: &metav1.Time{Time: servingpodtest.Noon},
		},
		Selector: "tryon.braincreators.com/deployment=storefront",
		URL:      "http://storefront.shop.svc:8080",
	}
	if diff := cmp.Diff(want, obj.Status); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnAutoscalerSeesThePodsThatTakeRequests(t *testing.T) {
	all, stable := "tryon.braincreators.com/deployment=storefront", "tryon.braincreators.com/deployment=storefront,tryon.braincreators.com/model-version=tops-v1"
	tests := map[string]struct {
		plan         rollout.Plan
		strategy     v1alpha1.RolloutStrategy
		wantSelector string
		wantReplicas int32
	}{
		"no candidate":                    {rollout.Plan{Stable: "tops-v1"}, "", stable, 1},
		"copies of requests are no load":  {rollout.Plan{Stable: "tops-v1", Candidate: "tops-v2", Shadow: 50}, "", stable, 1},
		"the candidate has a share":       {rollout.Plan{Stable: "tops-v1", Candidate: "tops-v2", Weight: 50}, "", all, 2},
		"the candidate is in their place": {rollout.Plan{Stable: "tops-v1", Candidate: "tops-v2", Shadow: 50}, v1alpha1.StrategyInPlace, all, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			obj := serve("tops", 0)
			obj.Spec.Rollout.Strategy = test.strategy
			summarize(obj, shifting(), Plan{Plan: test.plan}, nil)
			if s := obj.Status; s.Selector != test.wantSelector || *s.Replicas != test.wantReplicas || *s.ReadyReplicas != test.wantReplicas {
				t.Errorf("%q selects %d pods, %d ready", s.Selector, *s.Replicas, *s.ReadyReplicas)
			}
		})
	}
}

func TestAPromotionThatFailedIsNotReported(t *testing.T) {
	obj := serve("tops", 0)
	summarize(obj, shifting(), Plan{Plan: rollout.Plan{Stable: "tops-v2", Stage: v1alpha1.ReasonPromoting}}, errors.New("timeout"))
	if obj.Status.Stable != "tops-v1" {
		t.Errorf("stable is %s, but the Service selects tops-v1", obj.Status.Stable)
	}
}
