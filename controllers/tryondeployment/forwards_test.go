package tryondeployment

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

// failed is what a pod says of which the candidate failed so many requests, and what is kept of it.
func failed(n int64) (*control.Forwards, v1alpha1.ForwardCounts) {
	const instance = "0123456789abcdef0123456789abcdef"
	return &control.Forwards{Instance: instance, Generation: 4, Version: "tops-v2", Stable: 9 * n, Candidate: n, CandidateFailed: n},
		v1alpha1.ForwardCounts{
			Instance: instance, ControlGeneration: 4, Weight: 10, Stable: ptr.To(9 * n), StableFailed: ptr.To(int64(0)),
			Candidate: ptr.To(n), CandidateFailed: ptr.To(n), BothFailed: ptr.To(int64(0)),
		}
}

// weighed is a look at a rollout whose candidate has ten percent for an hour.
func weighed() (*v1alpha1.TryOnDeployment, *Observed) {
	obj := serve("tops", 0)
	obj.Spec.Replicas = 1
	obj.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Weight: 10, Hold: &metav1.Duration{Duration: time.Hour}}}
	obj.Status.Candidate = &v1alpha1.CandidateStatus{
		Version: "tops-v2", Step: ptr.To(int32(0)), ControlGeneration: ptr.To(int64(4)), AppliedTime: ptr.To(metav1.NewTime(servingpodtest.Noon)),
	}
	seen := shifting()
	seen.Deployments[1] = deploymentFact("tops-v2")
	seen.Reports["2"] = servingpod.Report{}
	return obj, seen
}

func TestACandidateIsTakenBackOnceWhatItFailedIsRecorded(t *testing.T) {
	obj, seen := weighed()
	said, kept := failed(20)
	seen.Reports["1"] = servingpod.Report{Generation: 4, Forwards: said}
	plan := decide(obj, seen, servingpodtest.Noon)
	if plan.Rejection != nil || plan.Weight != 10 || plan.RecheckAfter > 5*time.Second || !strings.Contains(plan.Message, "it failed 20 of 20 requests") {
		t.Fatalf("before it is recorded: %+v", plan.Plan)
	}
	summarize(obj, seen, plan, nil)
	if diff := cmp.Diff([]v1alpha1.ForwardCounts{kept}, obj.Status.Candidate.Forwards); diff != "" {
		t.Fatalf("recorded (-want +got):\n%s", diff)
	}
	// A manager that was killed comes to the same although the pods have not answered it, and the share has been taken away.
	seen.Reports["1"], seen.Control = servingpod.Report{Generation: 5}, control.New(5, nil)
	plan = decide(obj, seen, servingpodtest.Noon.Add(5*time.Second))
	if r := plan.Rejection; r == nil || r.Reason != v1alpha1.ReasonForwardsFailed || r.Version != "tops-v2" {
		t.Errorf("%+v", plan.Plan)
	}
}

func TestACandidateOfWhichAPodIsSilentIsNotTakenBack(t *testing.T) {
	obj, seen := weighed()
	_, kept := failed(20)
	obj.Status.Candidate.Forwards = []v1alpha1.ForwardCounts{kept}
	delete(seen.Reports, "2")
	if plan := decide(obj, seen, servingpodtest.Noon); plan.Rejection != nil {
		t.Errorf("%+v", plan.Rejection)
	}
}

func TestWhatAShareThatIsTakenAwayHasCostIsForgotten(t *testing.T) {
	obj, seen := weighed()
	_, kept := failed(20)
	obj.Status.Candidate.Forwards = []v1alpha1.ForwardCounts{kept}
	seen.Pods[1] = servingpodtest.Pod("two", "tops-v2", servingpodtest.Sidecar(time.Second), servingpodtest.Readiness(corev1.ConditionFalse, 5*time.Second))
	plan := decide(obj, seen, servingpodtest.Noon)
	if plan.Rejection != nil || plan.Weight != 0 || len(plan.Forwards) != 0 {
		t.Errorf("weight %d, kept %+v, rejection %+v", plan.Weight, plan.Forwards, plan.Rejection)
	}
}

func TestACandidateThatFailsLittleGoesOn(t *testing.T) {
	obj, seen := weighed()
	said, _ := failed(3)
	seen.Reports["1"] = servingpod.Report{Generation: 4, Forwards: said}
	plan := decide(obj, seen, servingpodtest.Noon)
	if plan.Rejection != nil || plan.Weight != 10 || strings.Contains(plan.Message, "failed") || len(plan.Forwards) != 1 {
		t.Errorf("%+v, counted %+v", plan.Plan, plan.Forwards)
	}
	if plan.RecheckAfter > 10*time.Second {
		t.Errorf("the pods are asked again in %s", plan.RecheckAfter)
	}
}

func TestACandidateIsNoWitnessOfItself(t *testing.T) {
	obj, seen := weighed()
	said, _ := failed(20)
	seen.Reports["2"] = servingpod.Report{Generation: 4, Forwards: said}
	if plan := decide(obj, seen, servingpodtest.Noon); len(plan.Forwards) != 0 {
		t.Errorf("counted %+v", plan.Forwards)
	}
}
