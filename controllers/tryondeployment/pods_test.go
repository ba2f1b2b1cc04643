package tryondeployment

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/rollout"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// pod makes a pod that was made at noon.
func pod(name, version string, change ...func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", UID: "uid-" + "x", CreationTimestamp: metav1.NewTime(noon),
		Labels: map[string]string{names.LabelDeployment: "storefront", names.LabelModelVersion: version},
	}}
	p.Status.PodIP = "10.0.0.1"
	for _, c := range change {
		c(&p)
	}
	return p
}

func readiness(state corev1.ConditionStatus, after time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
			Type: corev1.PodReady, Status: state, LastTransitionTime: metav1.NewTime(noon.Add(after)),
		})
	}
}

func sidecar(after time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: names.ContainerSidecar, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon.Add(after))}},
		})
	}
}

func container(s corev1.ContainerStatus) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, s) }
}

func ended(code int32, reason, message string) *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}
}

func TestAPodIsSeenAsItIs(t *testing.T) {
	waiting := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	tests := map[string]struct {
		pod      corev1.Pod
		report   Report
		after    time.Duration
		want     rollout.PodState
		since    time.Duration
		failure  string
		homeless bool
	}{
		"just made":  {pod: pod("a", "v1"), want: rollout.PodStarting},
		"being made": {pod: pod("a", "v1", readiness(corev1.ConditionFalse, 0)), want: rollout.PodStarting},
		"ready": {
			pod: pod("a", "v1", sidecar(4*time.Second), readiness(corev1.ConditionTrue, 9*time.Second)), want: rollout.PodReady, since: 9 * time.Second,
		},
		"being deleted": {
			pod: pod("a", "v1", readiness(corev1.ConditionTrue, 0), func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: noon} }), want: rollout.PodLeaving,
		},
		"finds no node": {
			pod: pod("a", "v1", func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{
					Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes: Insufficient nvidia.com/gpu",
				}}
			}),
			want: rollout.PodStarting, homeless: true, failure: "Pod a finds no node: 0/3 nodes: Insufficient nvidia.com/gpu",
		},
		"its image cannot be pulled": {
			pod: pod("a", "v1", readiness(corev1.ConditionFalse, 0), container(corev1.ContainerStatus{
				Name: names.ContainerRuntime, Image: "example/runtime:1", State: waiting("ImagePullBackOff", "not found"),
			})),
			want: rollout.PodStarting, failure: "Pod a cannot pull example/runtime:1: not found",
		},
		"its puller fails": {
			pod: pod("a", "v1", readiness(corev1.ConditionFalse, 0), container(corev1.ContainerStatus{
				Name: names.ContainerPull, RestartCount: 3, State: waiting("CrashLoopBackOff", "back-off"),
				LastTerminationState: corev1.ContainerState{Terminated: ended(1, "Error", "log\nreading manifest: blob is missing\n")},
			})),
			want: rollout.PodBroken, failure: "Container pull of pod a ended with code 1 (started 4 times): reading manifest: blob is missing",
		},
		"its puller needed two attempts": {
			pod: pod("a", "v1", readiness(corev1.ConditionFalse, 0), container(corev1.ContainerStatus{
				Name: names.ContainerPull, RestartCount: 1, State: corev1.ContainerState{Terminated: ended(0, "Completed", "")},
				LastTerminationState: corev1.ContainerState{Terminated: ended(1, "Error", "x")},
			})),
			want: rollout.PodStarting,
		},
		"its runtime runs out of memory": {
			pod: pod("a", "v1", sidecar(4*time.Second), readiness(corev1.ConditionFalse, 20*time.Second), container(corev1.ContainerStatus{
				Name: names.ContainerRuntime, RestartCount: 1, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
				LastTerminationState: corev1.ContainerState{Terminated: ended(137, "OOMKilled", "")},
			})),
			want: rollout.PodBroken, since: 20 * time.Second, failure: "Container runtime of pod a used more memory than its limit (started 2 times)",
		},
		"ready again after a crash": {
			pod: pod("a", "v1", sidecar(4*time.Second), readiness(corev1.ConditionTrue, 20*time.Second), container(corev1.ContainerStatus{
				Name: names.ContainerRuntime, RestartCount: 1, LastTerminationState: corev1.ContainerState{Terminated: ended(137, "OOMKilled", "")},
			})),
			want: rollout.PodReady, since: 20 * time.Second,
		},
		"asking its golden requests": {
			pod: pod("a", "v1", readiness(corev1.ConditionFalse, 0), sidecar(4*time.Second)), report: Report{Unready: "asking"}, after: 10 * time.Second,
			want: rollout.PodStarting,
		},
		"its golden requests fail": {
			pod: pod("a", "v1", readiness(corev1.ConditionFalse, 0), sidecar(4*time.Second)), after: 2 * time.Minute,
			report: Report{Unready: `golden request "g1": the image differs by 17 levels, 2 are allowed`},
			want:   rollout.PodStarting, failure: `Pod a does not get ready: golden request "g1": the image differs by 17 levels, 2 are allowed`,
		},
		"silent and not ready": {
			pod: pod("a", "v1", readiness(corev1.ConditionFalse, 0), sidecar(4*time.Second)), after: 2 * time.Minute,
			want: rollout.PodStarting, failure: "Pod a does not get ready",
		},
		"not ready any more": {
			pod: pod("a", "v1", sidecar(4*time.Second), readiness(corev1.ConditionFalse, 9*time.Second)), report: Report{Unready: "the runtime is not ready"},
			want: rollout.PodBroken, since: 9 * time.Second, failure: "Pod a is not ready any more: the runtime is not ready",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := podFact(&tt.pod, tt.report, noon.Add(tt.after))
			want := rollout.Pod{Name: "a", State: tt.want, Since: noon.Add(tt.since), Failure: tt.failure, Homeless: tt.homeless}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
