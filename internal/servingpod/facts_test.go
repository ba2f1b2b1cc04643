package servingpod_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

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
		report   servingpod.Report
		after    time.Duration
		want     fleet.PodState
		since    time.Duration
		failure  string
		homeless bool
	}{
		"just made":  {pod: servingpodtest.Pod("a", "v1"), want: fleet.PodStarting},
		"being made": {pod: servingpodtest.Pod("a", "v1", servingpodtest.Readiness(corev1.ConditionFalse, 0)), want: fleet.PodStarting},
		"ready": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Sidecar(4*time.Second), servingpodtest.Readiness(corev1.ConditionTrue, 9*time.Second)), want: fleet.PodReady, since: 9 * time.Second,
		},
		"being deleted": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Readiness(corev1.ConditionTrue, 0), func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: servingpodtest.Noon} }), want: fleet.PodLeaving,
		},
		"finds no node": {
			pod: servingpodtest.Pod("a", "v1", func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{
					Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes: Insufficient nvidia.com/gpu",
				}}
			}),
			want: fleet.PodStarting, homeless: true, failure: "Pod a finds no node: 0/3 nodes: Insufficient nvidia.com/gpu",
		},
		"its image cannot be pulled": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Readiness(corev1.ConditionFalse, 0), container(corev1.ContainerStatus{
				Name: names.ContainerRuntime, Image: "example/runtime:1", State: waiting("ImagePullBackOff", "not found"),
			})),
			want: fleet.PodStarting, failure: "Pod a cannot pull example/runtime:1: not found",
		},
		"its puller fails": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Readiness(corev1.ConditionFalse, 0), container(corev1.ContainerStatus{
				Name: names.ContainerPull, RestartCount: 3, State: waiting("CrashLoopBackOff", "back-off"),
				LastTerminationState: corev1.ContainerState{Terminated: ended(1, "Error", "log\nreading manifest: blob is missing\n")},
			})),
			want: fleet.PodBroken, failure: "Container pull of pod a ended with code 1 (started 4 times): reading manifest: blob is missing",
		},
		"its puller needed two attempts": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Readiness(corev1.ConditionFalse, 0), container(corev1.ContainerStatus{
				Name: names.ContainerPull, RestartCount: 1, State: corev1.ContainerState{Terminated: ended(0, "Completed", "")},
				LastTerminationState: corev1.ContainerState{Terminated: ended(1, "Error", "x")},
			})),
			want: fleet.PodStarting,
		},
		"its runtime runs out of memory": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Sidecar(4*time.Second), servingpodtest.Readiness(corev1.ConditionFalse, 20*time.Second), container(corev1.ContainerStatus{
				Name: names.ContainerRuntime, RestartCount: 1, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
				LastTerminationState: corev1.ContainerState{Terminated: ended(137, "OOMKilled", "")},
			})),
			want: fleet.PodBroken, since: 20 * time.Second, failure: "Container runtime of pod a used more memory than its limit (started 2 times); give it more in runtime.resources of the TryOnDeployment",
		},
		"ready again after a crash": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Sidecar(4*time.Second), servingpodtest.Readiness(corev1.ConditionTrue, 20*time.Second), container(corev1.ContainerStatus{
				Name: names.ContainerRuntime, RestartCount: 1, LastTerminationState: corev1.ContainerState{Terminated: ended(137, "OOMKilled", "")},
			})),
			want: fleet.PodReady, since: 20 * time.Second,
		},
		"asking its golden requests": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Readiness(corev1.ConditionFalse, 0), servingpodtest.Sidecar(4*time.Second)), report: servingpod.Report{Unready: "asking"}, after: 10 * time.Second,
			want: fleet.PodStarting,
		},
		"its golden requests fail": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Readiness(corev1.ConditionFalse, 0), servingpodtest.Sidecar(4*time.Second)), after: 2 * time.Minute,
			report: servingpod.Report{Unready: `golden request "g1": the image differs by 17 levels, 2 are allowed`},
			want:   fleet.PodStarting, failure: `Pod a does not get ready: golden request "g1": the image differs by 17 levels, 2 are allowed`,
		},
		"silent and not ready": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Readiness(corev1.ConditionFalse, 0), servingpodtest.Sidecar(4*time.Second)), after: 2 * time.Minute,
			want: fleet.PodStarting, failure: "Pod a does not get ready",
		},
		"not ready any more": {
			pod: servingpodtest.Pod("a", "v1", servingpodtest.Sidecar(4*time.Second), servingpodtest.Readiness(corev1.ConditionFalse, 9*time.Second)), report: servingpod.Report{Unready: "the runtime is not ready"},
			want: fleet.PodBroken, since: 9 * time.Second, failure: "Pod a is not ready any more: the runtime is not ready",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := servingpod.FactOf(&tt.pod, tt.report, servingpodtest.Noon.Add(tt.after))
			want := fleet.Pod{Name: "a", State: tt.want, Since: servingpodtest.Noon.Add(tt.since), Failure: tt.failure, Homeless: tt.homeless}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
