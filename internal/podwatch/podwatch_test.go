package podwatch

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
)

func pod(status corev1.PodStatus) corev1.Pod {
	return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Status: status}
}

func waiting(container, image, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: container, Image: image, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message},
	}}
}

func terminatedWith(container string, code int32, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: container, State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message},
	}}
}

func TestTroubleIsFoundInWhatTheKubeletAndTheSchedulerSay(t *testing.T) {
	tests := map[string]struct {
		status corev1.PodStatus
		want   Trouble
	}{
		"no node has a GPU": {
			corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/6 nodes: insufficient nvidia.com/gpu",
			}}},
			Trouble{v1alpha1.ReasonUnschedulable, "Pod p finds no node: 0/6 nodes: insufficient nvidia.com/gpu"},
		},
		"a scheduling gate is no trouble": {
			corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonSchedulingGated,
			}}},
			Trouble{},
		},
		"an init container's image is missing": {
			corev1.PodStatus{
				Phase:                 corev1.PodPending,
				InitContainerStatuses: []corev1.ContainerStatus{waiting("install", "worker:2", "ImagePullBackOff", "not found")},
				ContainerStatuses:     []corev1.ContainerStatus{waiting("pytorch", "trainer:1", "PodInitializing", "")},
			},
			Trouble{v1alpha1.ReasonImagePullFailed, "Pod p cannot pull worker:2: not found"},
		},
		"a Secret is missing": {
			corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{
				waiting("pytorch", "trainer:1", "CreateContainerConfigError", `secret "s3" not found`),
			}},
			Trouble{v1alpha1.ReasonContainerNotStarted, `Pod p cannot start its container pytorch: secret "s3" not found`},
		},
		"a model server that crashes again and again": {
			corev1.PodStatus{Phase: corev1.PodPending, InitContainerStatuses: []corev1.ContainerStatus{{
				Name: "runtime", RestartCount: 4,
				State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 40s"}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Message: "no model"}},
			}}},
			Trouble{v1alpha1.ReasonContainerNotStarted, "Container runtime of pod p ended with code 2: no model; it was started 5 times"},
		},
		"a crash that nobody remembers": {
			corev1.PodStatus{Phase: corev1.PodPending, InitContainerStatuses: []corev1.ContainerStatus{waiting("runtime", "r:1", "CrashLoopBackOff", "back-off 40s")}},
			Trouble{v1alpha1.ReasonContainerNotStarted, "Container runtime of pod p does not stay up: back-off 40s"},
		},
		"a container that is being created is no trouble": {
			corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{waiting("pytorch", "trainer:1", "ContainerCreating", "")}},
			Trouble{},
		},
		"a pod that ended has no trouble any more": {
			corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{waiting("pytorch", "x", "ErrImagePull", "gone")}},
			Trouble{},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := FindTrouble([]corev1.Pod{pod(corev1.PodStatus{Phase: corev1.PodRunning}), pod(test.status)}); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestFailuresNameTheContainerAndItsLastWords(t *testing.T) {
	tests := map[string]struct {
		status corev1.PodStatus
		want   string
	}{
		"a failing init container": {
			corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{terminatedWith("pull", 1, "Error", "line one\npulling sha256:1: not found\n")}},
			"container pull of pod p ended with code 1: pulling sha256:1: not found",
		},
		"too little memory": {
			corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{terminatedWith("pytorch", 137, "OOMKilled", "")}},
			"container pytorch of pod p was killed (OOMKilled) because its node had no more memory; it has no limit of its own",
		},
		"a restarting sidecar": {
			corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{
				Name:                 "runtime",
				State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Message: "no model"}},
			}}},
			"container runtime of pod p ended with code 2: no model",
		},
		"an eviction": {
			corev1.PodStatus{Reason: "Evicted", Message: "The node was low on resource: memory."},
			"pod p failed: The node was low on resource: memory.",
		},
		"nothing known": {corev1.PodStatus{}, "pod p failed: no container says why"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := pod(test.status)
			if got := Failure(&p); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestALackOfMemoryNamesTheLimitAndWhereItIsRaised(t *testing.T) {
	p := pod(corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{terminatedWith("pytorch", 137, "OOMKilled", "Step 7 of 90")}})
	p.Labels = map[string]string{names.LabelStage: "pf-gen"}
	p.Spec.Containers = []corev1.Container{
		{Name: "other", Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("9Gi")}}},
		{Name: "pytorch", Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("4Gi")}}},
	}
	want := "training container of pod p was killed (OOMKilled) because it used more memory than its limit of 4Gi; " +
		"give stage pf-gen more in training.stages[].resources of the TryOnModel"
	if got := Failure(&p); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !OutOfMemory(&p) || Disrupted(&p) {
		t.Errorf("out of memory %t, disrupted %t", OutOfMemory(&p), Disrupted(&p))
	}
	for name, tt := range map[string]struct{ work, container, want string }{
		"data tests":                  {"data-test", "data-test", "; give it more in dataset.resources of the TryOnModel"},
		"an evaluated model server":   {"evaluate", "runtime", "; give it more in evaluation.resources of the TryOnModel"},
		"what nobody can give more":   {"evaluate", "evaluate", ""},
		"what only the operator sets": {"publish", "publish", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := More(map[string]string{names.LabelWork: tt.work}, tt.container); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAnInterruptedPodDidNotFailByItself(t *testing.T) {
	drained := corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "TerminationByKubelet"}
	tests := map[string]struct {
		status corev1.PodStatus
		want   bool
	}{
		"evicted":                 {corev1.PodStatus{Reason: "Evicted", Conditions: []corev1.PodCondition{drained}}, true},
		"told to end":             {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{terminatedWith("pytorch", 143, "Error", "")}}, true},
		"ended with an error":     {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{terminatedWith("pytorch", 1, "Error", "")}}, false},
		"killed":                  {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{terminatedWith("pytorch", 137, "Error", "")}}, false},
		"another container's 143": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{terminatedWith("proxy", 143, "Error", "")}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := pod(test.status)
			if got := Disrupted(&p); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestTheWorkersContainerHasTheNameOfItsWorkOrThatOfPyTorchJob(t *testing.T) {
	for name, tt := range map[string]struct {
		work, stage, container string
		reports                bool
		called                 string
	}{
		"a stage's Job":          {"stage", "pf-gen", "stage", true, "training container of pod p"},
		"a stage's PyTorchJob":   {"stage", "pf-gen", "pytorch", true, "training container of pod p"},
		"beside a stage":         {"stage", "pf-gen", "proxy", false, "container proxy of pod p"},
		"data tests":             {"data-test", "", "data-test", true, "container data-test of pod p"},
		"what another work does": {"data-test", "", "stage", false, "container stage of pod p"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod(corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{terminatedWith(tt.container, 9, "Error", "words")}})
			p.Labels = map[string]string{names.LabelWork: tt.work, names.LabelStage: tt.stage}
			if _, reports := Report(&p); reports != tt.reports {
				t.Errorf("its last words are a report: %v, want %v", reports, tt.reports)
			}
			if got, want := Failure(&p), tt.called+" ended with code 9: words"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			p.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{waiting(tt.container, "x", "CrashLoopBackOff", "soon")}}
			got, want := FindTrouble([]corev1.Pod{p}).Message, strings.ToUpper(tt.called[:1])+tt.called[1:]+" does not stay up: soon"
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestOnlyTheWorkersMessageIsAReport(t *testing.T) {
	p := pod(corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
		terminatedWith("proxy", 0, "Completed", "not this"), terminatedWith(names.ContainerPyTorch, 0, "Completed", "this"),
	}})
	if got, ok := Report(&p); got != "this" || !ok {
		t.Errorf("got %q, %t", got, ok)
	}
	silent := pod(corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{terminatedWith(names.ContainerPyTorch, 0, "Completed", "")}})
	if got, ok := Report(&silent); ok {
		t.Errorf("an empty message is a report: %q", got)
	}
}

func TestARefusedPodIsAQuotasOrAnAdmissionRules(t *testing.T) {
	pin, stage := map[string]string{names.LabelWork: "pin"}, map[string]string{names.LabelWork: "stage", names.LabelStage: "pf-gen"}
	for message, tt := range map[string]struct {
		labels         map[string]string
		reason, remedy string
	}{
		`Error creating: pods "x" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=4, used: 6, limited: 8`: {
			stage, v1alpha1.ReasonQuotaExceeded, "; change training.stages[].resources of the TryOnModel, or the quota of the namespace",
		},
		`Error creating: pods "x" is forbidden: failed quota: cpu: must specify limits.cpu for: pin`: {
			pin, v1alpha1.ReasonQuotaExceeded, "; change dataset.resources of the TryOnModel, or the quota of the namespace",
		},
		`Error creating: pods "x" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=9, limited: pods=9`: {
			map[string]string{names.LabelWork: "publish"}, v1alpha1.ReasonQuotaExceeded, "; change the quota of the namespace",
		},
		`Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities`: {pin, v1alpha1.ReasonPodRefused, ""},
		`Error creating: admission webhook "policy.example" denied the request: images come from our registry`:       {pin, v1alpha1.ReasonPodRefused, ""},
		`Error creating: pods "x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi`: {
			pin, v1alpha1.ReasonPodRefused, "; change dataset.resources of the TryOnModel, or the LimitRange of the namespace",
		},
		`Error creating: Pod "x" is invalid: spec.containers[0].resources.requests: Invalid value: "250m": must be less than or equal to cpu limit of 100m`: {
			map[string]string{names.LabelWork: "evaluate"}, v1alpha1.ReasonPodRefused,
			"; change evaluation.resources of the TryOnModel, or the LimitRange of the namespace",
		},
		`pods "storefront-v1" is forbidden: failed quota: memory: must specify limits.memory for: sidecar`: {
			map[string]string{names.LabelDeployment: "storefront"}, v1alpha1.ReasonQuotaExceeded,
			"; change runtime.resources of the TryOnDeployment or sidecar.resources of the TryOnDeployment, or the quota of the namespace",
		},
		`Error creating: pods "y" is forbidden: maximum cpu usage per Pod is 1, but limit is 2`: {
			map[string]string{names.LabelWork: "replay", names.LabelReplay: "storefront"}, v1alpha1.ReasonPodRefused,
			"; change the resources of the replay step, or else runtime.resources, of the TryOnDeployment, or the LimitRange of the namespace",
		},
	} {
		want := Trouble{tt.reason, "No pod may be created: " + message + tt.remedy}
		if got := Refusal(message, tt.labels); got != want {
			t.Errorf("%q became %+v, want %+v", message, got, want)
		}
	}
}

func TestForeignWordsAreCut(t *testing.T) {
	if got := Cut("  " + strings.Repeat("é", 5000)); len([]rune(got)) != maxMessage || !strings.HasSuffix(got, "…") {
		t.Errorf("%d runes are left", len([]rune(got)))
	}
}
