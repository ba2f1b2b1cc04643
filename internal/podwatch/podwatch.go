package podwatch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// maxMessage bounds, in runes, what is copied from a pod into a condition.
const maxMessage = 600

// Trouble says why a pod does not run, in a condition's words. Its zero value says that there is none.
type Trouble struct {
	// Reason is one of the API's reasons: Unschedulable, ImagePullFailed, ContainerNotStarted, QuotaExceeded, PodRefused.
	Reason  string
	Message string
}

// FindTrouble gives the first trouble among pods, in their order.
func FindTrouble(pods []corev1.Pod) Trouble {
	for i := range pods {
		if t := troubleOf(&pods[i]); t.Reason != "" {
			return t
		}
	}
	return Trouble{}
}

func troubleOf(pod *corev1.Pod) Trouble {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return Trouble{}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return Trouble{v1alpha1.ReasonUnschedulable, fmt.Sprintf("Pod %s finds no node: %s", pod.Name, Cut(c.Message))}
		}
	}
	for _, s := range statuses(pod) {
		if w := s.State.Waiting; w != nil {
			if t := waitingTrouble(pod, s, w); t.Reason != "" {
				return t
			}
		}
	}
	return Trouble{}
}

// Refusal is the trouble of a pod that may not be created, in the API server's words: a quota's, or those of Pod Security, a limit
// range or an admission webhook. The labels are those of the pod's Job.
func Refusal(message string, labels map[string]string) Trouble {
	reason := v1alpha1.ReasonPodRefused
	if overQuota(message) {
		reason = v1alpha1.ReasonQuotaExceeded
	}
	return Trouble{reason, "No pod may be created: " + Cut(message) + Remedy(message, labels)}
}

func overQuota(message string) bool {
	return strings.Contains(message, "exceeded quota:") || strings.Contains(message, "failed quota:")
}

// limited tells whether a LimitRange is to blame: it refuses a pod itself, or has given it a limit below what it asks for.
func limited(message string) bool {
	return slices.ContainsFunc([]string{
		" usage per ", " max limit to request ratio per ", "must be less than or equal to cpu limit", "must be less than or equal to memory limit",
	}, func(words string) bool { return strings.Contains(message, words) })
}

// Remedy says, behind the API server's refusal of a pod with these labels, where to change what it asks for or may have; empty where that
// is not to blame.
func Remedy(message string, labels map[string]string) string {
	rule := "the quota"
	switch {
	case overQuota(message):
	case limited(message):
		rule = "the LimitRange"
	default:
		return ""
	}
	fields := slices.Compact(slices.Sorted(maps.Values(given(labels))))
	if len(fields) == 0 {
		return "; change " + rule + " of the namespace"
	}
	return "; change " + strings.Join(fields, " or ") + ", or " + rule + " of the namespace"
}

// More says where a user gives a container of a pod with these labels more memory; empty where nobody can.
func More(labels map[string]string, container string) string {
	field := given(labels)[container]
	if field == "" {
		return ""
	}
	whom := "it"
	if stage := labels[names.LabelStage]; stage != "" {
		whom = "stage " + stage
	}
	return "; give " + whom + " more in " + field
}

// given says where a user gives the containers of a pod their resources; one that is not in it has fixed ones.
func given(labels map[string]string) map[string]string {
	switch work := labels[names.LabelWork]; {
	case labels[names.LabelStage] != "":
		const stages = "training.stages[].resources of the TryOnModel"
		return map[string]string{string(resources.Stage): stages, names.ContainerPyTorch: stages}
	case work == string(resources.Pin) || work == string(resources.DataTest):
		return map[string]string{work: "dataset.resources of the TryOnModel"}
	case work == string(resources.Evaluate):
		return map[string]string{names.ContainerRuntime: "evaluation.resources of the TryOnModel"}
	case work == string(resources.Replay):
		const server = "the resources of the replay step, or else runtime.resources, of the TryOnDeployment"
		return map[string]string{names.ContainerRuntime + "-stable": server, names.ContainerRuntime + "-candidate": server}
	case work == "" && labels[names.LabelDeployment] != "":
		return map[string]string{names.ContainerRuntime: "runtime.resources of the TryOnDeployment", names.ContainerSidecar: "sidecar.resources of the TryOnDeployment"}
	}
	return nil
}

func waitingTrouble(pod *corev1.Pod, s corev1.ContainerStatus, w *corev1.ContainerStateWaiting) Trouble {
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError":
		return Trouble{v1alpha1.ReasonImagePullFailed, fmt.Sprintf("Pod %s cannot pull %s: %s", pod.Name, s.Image, Cut(cmp.Or(w.Message, w.Reason)))}
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		return Trouble{v1alpha1.ReasonContainerNotStarted, fmt.Sprintf("Pod %s cannot start its %s: %s", pod.Name, called(pod, s.Name), Cut(cmp.Or(w.Message, w.Reason)))}
	case "CrashLoopBackOff":
		return Trouble{v1alpha1.ReasonContainerNotStarted, crashLoop(pod, s, w)}
	}
	return Trouble{}
}

// crashLoop says how a container that the kubelet starts again and again ended last. Such a pod never fails, so without these words
// its work would seem to be under way for ever.
func crashLoop(pod *corev1.Pod, s corev1.ContainerStatus, w *corev1.ContainerStateWaiting) string {
	last := s.LastTerminationState.Terminated
	if last == nil {
		return sentence(fmt.Sprintf("%s of pod %s does not stay up: %s", called(pod, s.Name), pod.Name, Cut(cmp.Or(w.Message, w.Reason))))
	}
	return sentence(fmt.Sprintf("%s; it was started %d times", containerFailure(pod, s.Name, last), s.RestartCount+1))
}

// sentence begins words of our own with a capital letter.
func sentence(words string) string { return strings.ToUpper(words[:1]) + words[1:] }

// called says which container of a pod it is. That of a training stage has another name with each backend.
func called(pod *corev1.Pod, container string) string {
	if pod.Labels[names.LabelStage] != "" && works(pod, container) {
		return "training container"
	}
	return "container " + container
}

// works says whether a container is the one whose termination message is the report.
func works(pod *corev1.Pod, container string) bool {
	return container == pod.Labels[names.LabelWork] || container == names.ContainerPyTorch
}

// Report gives the termination message of the pod's worker; false while there is none.
func Report(pod *corev1.Pod) (string, bool) {
	for _, s := range pod.Status.ContainerStatuses {
		if works(pod, s.Name) && s.State.Terminated != nil && s.State.Terminated.Message != "" {
			return s.State.Terminated.Message, true
		}
	}
	return "", false
}

// Failure describes how a pod failed: the eviction, the container that ran out of memory, or the first container that ended badly
// with the last words it left.
func Failure(pod *corev1.Pod) string {
	for _, s := range statuses(pod) {
		if t := terminated(s); t != nil && t.ExitCode != 0 {
			return containerFailure(pod, s.Name, t)
		}
	}
	return fmt.Sprintf("pod %s failed: %s", pod.Name, Cut(cmp.Or(pod.Status.Message, cmp.Or(pod.Status.Reason, "no container says why"))))
}

func containerFailure(pod *corev1.Pod, container string, t *corev1.ContainerStateTerminated) string {
	what := fmt.Sprintf("%s of pod %s", called(pod, container), pod.Name)
	if t.Reason == outOfMemory {
		return what + " was killed (OOMKilled) because " + memoryOf(pod, container)
	}
	if words := lastLine(t.Message); words != "" {
		return fmt.Sprintf("%s ended with code %d: %s", what, t.ExitCode, Cut(words))
	}
	return fmt.Sprintf("%s ended with code %d", what, t.ExitCode)
}

// outOfMemory is the kubelet's reason for a container that the kernel killed for want of memory.
const outOfMemory = "OOMKilled"

// OutOfMemory tells whether one of the pod's containers was killed for want of memory.
func OutOfMemory(pod *corev1.Pod) bool {
	for _, s := range statuses(pod) {
		if t := terminated(s); t != nil && t.Reason == outOfMemory {
			return true
		}
	}
	return false
}

// Disrupted tells whether a failed pod was interrupted and did not fail by itself: it was evicted or preempted, or its node went down.
func Disrupted(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		if works(pod, s.Name) && s.State.Terminated != nil && s.State.Terminated.ExitCode == report.ExitTerminated {
			return true
		}
	}
	return false
}

// memoryOf says how much memory a container may have, and where it is raised.
func memoryOf(pod *corev1.Pod, container string) string {
	words := "its node had no more memory; it has no limit of its own"
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			if limit, ok := list[i].Resources.Limits[corev1.ResourceMemory]; ok && list[i].Name == container {
				words = "it used more memory than its limit of " + limit.String()
			}
		}
	}
	return words + More(pod.Labels, container)
}

// terminated is the state of a container that ended; a restarted container's last end counts while it waits for its next start.
func terminated(s corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if s.State.Terminated != nil {
		return s.State.Terminated
	}
	if s.State.Waiting != nil {
		return s.LastTerminationState.Terminated
	}
	return nil
}

// statuses are those of the init containers first, because they run first.
func statuses(pod *corev1.Pod) []corev1.ContainerStatus {
	all := make([]corev1.ContainerStatus, 0, len(pod.Status.InitContainerStatuses)+len(pod.Status.ContainerStatuses))
	return append(append(all, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...)
}

// Cut shortens foreign words to what a condition can bear.
func Cut(s string) string {
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > maxMessage {
		return string(runes[:maxMessage-1]) + "…"
	}
	return s
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}
