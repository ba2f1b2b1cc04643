package tryondeployment

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

func deploymentFact(version string, change ...func(*appsv1.Deployment)) appsv1.Deployment {
	d := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Name: names.Serving("storefront", version), Namespace: "shop",
		Labels:      serving.VersionLabels("storefront", version),
		Annotations: map[string]string{names.AnnotationWeights: string(digest)},
	}}
	for _, c := range change {
		c(&d)
	}
	return d
}

func endpoints(service string, pods ...string) discoveryv1.EndpointSlice {
	slice := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: service}}}
	for _, p := range pods {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: p}})
	}
	return slice
}

func selecting(version string) *corev1.Service {
	return serving.MakeService(serve("tops", 0), version)
}

// shifting is a look in the middle of a rollout.
func shifting() *Observed {
	ready := []func(*corev1.Pod){servingpodtest.Sidecar(time.Second), servingpodtest.Readiness(corev1.ConditionTrue, 5*time.Second)}
	one, two := servingpodtest.Pod("one", "tops-v1", ready...), servingpodtest.Pod("two", "tops-v2", ready...)
	one.UID, two.UID = "1", "2"
	gone := servingpodtest.Pod("gone", "tops-v1", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })
	return &Observed{
		Model:    &v1alpha1.TryOnModel{},
		Versions: []v1alpha1.TryOnModelVersion{version("tops", 2)},
		Service:  selecting("tops-v1"),
		Control:  control.New(4, &control.Candidate{Version: "tops-v2", Address: "http://storefront-tops-v2-2d9766.shop.svc:8080", Weight: 10}),
		Deployments: []appsv1.Deployment{
			deploymentFact("tops-v1"),
			deploymentFact("tops-v2", func(d *appsv1.Deployment) {
				d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"}}
			}),
		},
		Pods: []corev1.Pod{one, two, gone},
		Slices: []discoveryv1.EndpointSlice{
			endpoints("storefront", "one", "unknown"), endpoints("storefront", "one"),
			endpoints("storefront-tops-v2-2d9766", "two"), endpoints("elsewhere", "two"),
		},
		Reports: map[types.UID]servingpod.Report{"1": {Generation: 4}},
	}
}

func TestACandidateIsHeldByAMisspeltCommandAndReadySaysSo(t *testing.T) {
	obj := serve("tops", 0)
	obj.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Weight: 10}}
	obj.Status.Stable = "tops-v1"
	obj.Annotations = map[string]string{names.RolloutAnnotation: "Pausee"}
	plan := decide(obj, shifting(), servingpodtest.Noon)
	const want = `; the annotation tryon.braincreators.com/rollout is "Pausee" and must be Pause, Abort or Promote`
	if plan.Stage != v1alpha1.ReasonPaused || !strings.HasSuffix(plan.Message, want) {
		t.Errorf("%s: %s", plan.Stage, plan.Message)
	}
	obj.Annotations[names.RolloutAnnotation] = "Pause"
	if plan := decide(obj, shifting(), servingpodtest.Noon); plan.Stage != v1alpha1.ReasonPaused || strings.Contains(plan.Message, "must be") {
		t.Errorf("a pause: %s: %s", plan.Stage, plan.Message)
	}
}

func TestFactsAreSaidInTheWordsOfTheRollout(t *testing.T) {
	obj := serve("tops", 0)
	obj.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Weight: 10, Hold: &metav1.Duration{Duration: time.Minute}}, {Weight: 100}}
	obj.Status.Stable = "tops-v1"
	obj.Status.Candidate = &v1alpha1.CandidateStatus{
		Version: "tops-v2", Step: ptr.To[int32](0), ControlGeneration: ptr.To[int64](4), AppliedTime: &metav1.Time{Time: servingpodtest.Noon},
	}
	want := rollout.Facts{
		Wanted: "tops-v2", Routed: "tops-v1", LastStable: "tops-v1",
		Steps:     []rollout.Step{{Weight: 10, Hold: time.Minute}, {Weight: 100}},
		Endpoints: map[string]int32{"tops-v1": 1},
		Buildable: map[string]bool{"tops-v1": true, "tops-v2": true},
		Control:   rollout.Document{Generation: 4, Candidate: &rollout.Share{Version: "tops-v2", Weight: 10}},
		Record:    &rollout.Record{Version: "tops-v2", Step: 0, Generation: 4, Applied: servingpodtest.Noon},
		Deadline:  24 * time.Hour,
		Rejected:  map[string]string{},
		Sets: fleet.Sets{
			{Version: "tops-v1", Deployed: true, Replicas: 1, Pods: []fleet.Pod{
				{Name: "one", State: fleet.PodReady, Since: servingpodtest.Noon.Add(5 * time.Second), Reported: true, Generation: 4},
			}},
			{Version: "tops-v2", Deployed: true, Replicas: 1, Endpoints: 1, Stalled: "pods cannot be created: exceeded quota", Pods: []fleet.Pod{
				{Name: "two", State: fleet.PodReady, Since: servingpodtest.Noon.Add(5 * time.Second)},
			}},
		},
	}
	if diff := cmp.Diff(want, factsOf(obj, shifting(), servingpodtest.Noon)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAVersionWhoseRecordAndDeploymentAreGoneCannotBeBuilt(t *testing.T) {
	seen := &Observed{Service: selecting("tops-v1"), Versions: []v1alpha1.TryOnModelVersion{version("tops", 2)}}
	facts := factsOf(serve("tops", 0), seen, servingpodtest.Noon)
	if facts.Buildable["tops-v1"] || !facts.Buildable["tops-v2"] {
		t.Errorf("buildable: %v, want tops-v2 only", facts.Buildable)
	}
}

func TestAShareOfNothingIsNoCandidate(t *testing.T) {
	seen := shifting()
	seen.Control.Candidate.Weight = 0
	if facts := factsOf(serve("tops", 0), seen, servingpodtest.Noon); facts.Control.Candidate != nil {
		t.Errorf("candidate: %+v", facts.Control.Candidate)
	}
}

func TestWithoutFactsNothingIsDone(t *testing.T) {
	if plan := decide(serve("tops", 0), nil, servingpodtest.Noon); !reflect.DeepEqual(plan, Plan{}) {
		t.Errorf("plan: %+v", plan)
	}
}

func TestAPodThatRunsWithoutBeingReadyIsLookedAtAgain(t *testing.T) {
	seen := &Observed{
		Versions: []v1alpha1.TryOnModelVersion{version("tops", 1)}, Service: selecting("tops-v1"), Control: control.New(1, nil),
		Deployments: []appsv1.Deployment{deploymentFact("tops-v1")},
		Pods:        []corev1.Pod{servingpodtest.Pod("one", "tops-v1", servingpodtest.Readiness(corev1.ConditionFalse, 0))},
	}
	if got := decide(serve("tops", 0), seen, servingpodtest.Noon).RecheckAfter; got != 0 {
		t.Errorf("a pod that does not run yet is looked at again after %s, want the watch only", got)
	}
	servingpodtest.Sidecar(time.Second)(&seen.Pods[0])
	if got := decide(serve("tops", 0), seen, servingpodtest.Noon).RecheckAfter; got != lookAgain {
		t.Errorf("looked at again after %s, want %s", got, lookAgain)
	}
}

func TestAPodOfACandidateIsLookedAtAgainLongBeforeTheDeadline(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*corev1.Pod)
		want   time.Duration
	}{
		"that waits for its node":        {func(*corev1.Pod) {}, defaultDeadline},
		"that runs without being ready":  {servingpodtest.Sidecar(time.Second), lookAgain},
		"that is deleted on a lost node": {func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: servingpodtest.Noon} }, servingpod.Overdue + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			seen := &Observed{
				Versions: []v1alpha1.TryOnModelVersion{version("tops", 1), version("tops", 2)}, Service: selecting("tops-v1"), Control: control.New(1, nil),
				Deployments: []appsv1.Deployment{deploymentFact("tops-v1"), deploymentFact("tops-v2")},
				Pods: []corev1.Pod{
					servingpodtest.Pod("one", "tops-v1", servingpodtest.Readiness(corev1.ConditionTrue, 0)),
					servingpodtest.Pod("two", "tops-v2", servingpodtest.Readiness(corev1.ConditionFalse, 0)),
				},
			}
			seen.Reports = map[types.UID]servingpod.Report{seen.Pods[0].UID: {Generation: 1}}
			tt.change(&seen.Pods[1])
			if got := decide(serve("tops", 0), seen, servingpodtest.Noon).RecheckAfter; got != tt.want {
				t.Errorf("looked at again after %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAPodOfALostNodeIsNotWaitedFor(t *testing.T) {
	seen := shifting()
	seen.Pods[0].DeletionTimestamp = &metav1.Time{Time: servingpodtest.Noon}
	before, after := servingpodtest.Noon.Add(servingpod.Overdue), servingpodtest.Noon.Add(servingpod.Overdue+time.Second)
	if sets := factsOf(serve("tops", 0), seen, before).Sets; len(sets[0].Pods) != 1 || sets[0].Pods[0].State != fleet.PodLeaving {
		t.Errorf("within its time: %+v, want one that leaves", sets[0].Pods)
	}
	if left := nextOverdue(seen, servingpodtest.Noon); left != servingpod.Overdue+time.Second {
		t.Errorf("looked at again after %s, want %s", left, servingpod.Overdue+time.Second)
	}
	if sets := factsOf(serve("tops", 0), seen, after).Sets; len(sets[0].Pods) != 0 {
		t.Errorf("after its time: %+v, want none", sets[0].Pods)
	}
	if left := nextOverdue(seen, after); left != 0 {
		t.Errorf("looked at again after %s, want never", left)
	}
}

func TestOnlyPodsWhoseAnswerMattersAreAsked(t *testing.T) {
	ready := []func(*corev1.Pod){servingpodtest.Sidecar(time.Second), servingpodtest.Readiness(corev1.ConditionTrue, 5*time.Second)}
	steady := func() *Observed {
		return &Observed{
			Versions: []v1alpha1.TryOnModelVersion{version("tops", 1)}, Control: control.New(1, nil),
			Deployments: []appsv1.Deployment{deploymentFact("tops-v1")},
			Pods:        []corev1.Pod{servingpodtest.Pod("ready", "tops-v1", ready...), servingpodtest.Pod("starting", "tops-v1", servingpodtest.Readiness(corev1.ConditionFalse, 0))},
		}
	}
	tests := map[string]struct {
		change func(*Observed)
		want   []string
	}{
		"steady":                    {func(*Observed) {}, nil},
		"a sidecar runs, not ready": {func(o *Observed) { servingpodtest.Sidecar(time.Second)(&o.Pods[1]) }, []string{"starting"}},
		"another version is wanted": {func(o *Observed) { o.Versions = append(o.Versions, version("tops", 2)) }, []string{"ready"}},
		"no control document":       {func(o *Observed) { o.Control = control.Document{} }, []string{"ready"}},
		"a candidate in it":         {func(o *Observed) { o.Control.Candidate = &control.Candidate{} }, []string{"ready"}},
		"a second Deployment":       {func(o *Observed) { o.Deployments = append(o.Deployments, deploymentFact("tops-v2")) }, []string{"ready"}},
		"pods of another version":   {func(o *Observed) { o.Pods[1].Labels[names.LabelModelVersion] = "tops-v2" }, []string{"ready"}},
		"no address yet": {func(o *Observed) {
			o.Control = control.Document{}
			o.Pods[0].Status.PodIP = ""
		}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			seen := steady()
			tt.change(seen)
			var got []string
			for _, p := range podsToAsk(serve("tops", 0), seen) {
				got = append(got, p.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPodsAreBeingReplacedUntilAllAreOfTheCurrentSpec(t *testing.T) {
	tests := map[string]struct {
		built  string
		status appsv1.DeploymentStatus
		want   bool
	}{
		"as they are to be":             {"now", appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2}, false},
		"a Deployment of another image": {"before", appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2}, true},
		"one pod of the other image":    {"now", appsv1.DeploymentStatus{Replicas: 3, UpdatedReplicas: 2}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := deploymentFact("tops-v1", func(d *appsv1.Deployment) {
				d.Annotations, d.Status = map[string]string{names.AnnotationBuilt: test.built}, test.status
			})
			set := setOf(serve("tops", 0), &Observed{Built: "now", Deployments: []appsv1.Deployment{d}}, "tops-v1", servingpodtest.Noon)
			if set.Updating != test.want {
				t.Errorf("updating: %v, want %v", set.Updating, test.want)
			}
		})
	}
}

func TestAStalledDeploymentSaysWhy(t *testing.T) {
	for name, tt := range map[string]struct {
		conditions []appsv1.DeploymentCondition
		want       string
	}{
		"nothing": {nil, ""},
		"getting on": {
			[]appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Message: "has progressed"}}, "",
		},
		"over its deadline": {
			[]appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Message: "has timed out progressing"}},
			"has timed out progressing",
		},
		"the quota explains the deadline": {
			[]appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Message: "has timed out progressing"},
				{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"},
			},
			"pods cannot be created: exceeded quota",
		},
		"a quota asks for limits": {
			[]appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "failed quota: team: must specify limits.memory for: runtime"}},
			"pods cannot be created: failed quota: team: must specify limits.memory for: runtime; " +
				"change runtime.resources of the TryOnDeployment or sidecar.resources of the TryOnDeployment, or the quota of the namespace",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Labels: serving.VersionLabels("storefront", "tops-v1")}, Status: appsv1.DeploymentStatus{Conditions: tt.conditions}}
			if got := stalled(d); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheSpecSaysHowACandidateIsTried(t *testing.T) {
	obj := serve("tops", 0)
	obj.Spec.Rollout = v1alpha1.RolloutSpec{
		Strategy: v1alpha1.StrategyInPlace, Deadline: &metav1.Duration{Duration: time.Hour}, OnSilence: v1alpha1.SilenceReject,
		Steps: []v1alpha1.RolloutStep{{Shadow: v1alpha1.ShadowStep{SamplePercent: 20}}},
	}
	got := factsOf(obj, shifting(), servingpodtest.Noon)
	want := []any{true, time.Hour, rollout.SilenceReject, []rollout.Step{{Shadow: 20}}}
	if diff := cmp.Diff(want, []any{got.InPlace, got.Deadline, got.Silence, got.Steps}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
