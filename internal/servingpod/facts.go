package servingpod

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/podwatch"
)

// patience is how long a sidecar may run without being ready before its words count as a failure: it asks the golden requests first.
const patience = time.Minute

// Overdue is how long a pod may outlive the end of its grace period.
const Overdue = time.Minute

// Report is what a serving pod said about itself.
type Report struct {
	// Generation of the control document that it applies.
	Generation int64
	// Unready is why it is not ready; empty when it is.
	Unready string
	// Load is how much work it has; nil when it does not say it.
	Load *control.Load
	// Forwards is what came of the requests under that document; nil when it does not say it.
	Forwards *control.Forwards
	// Catalogue is what it found when it looked for garments; nil when it does not say it.
	Catalogue *control.Catalogue
	// Capture is how it gets on with keeping requests; nil when it does not say it.
	Capture *control.Capture
}

// FactOf says in the words of the rollout how a pod is.
func FactOf(p *corev1.Pod, report Report, now time.Time) fleet.Pod {
	fact := fleet.Pod{Name: p.Name, State: fleet.PodStarting, Since: p.CreationTimestamp.Time}
	ready := readyCondition(p)
	if ready != nil {
		fact.Since = ready.LastTransitionTime.Time
	}
	switch started := SidecarStart(p); {
	case !p.DeletionTimestamp.IsZero():
		fact.State = fleet.PodLeaving
	case Ready(p):
		fact.State = fleet.PodReady
	case crash(p) != "":
		fact.State, fact.Failure = fleet.PodBroken, crash(p)
	case podwatch.FindTrouble([]corev1.Pod{*p}).Reason != "":
		trouble := podwatch.FindTrouble([]corev1.Pod{*p})
		fact.Failure, fact.Homeless = trouble.Message, trouble.Reason == v1alpha1.ReasonUnschedulable
	case started.IsZero():
	case ready != nil && ready.LastTransitionTime.After(started):
		// A pod is marked as not ready before its sidecar starts; a later mark means that it was ready in between.
		fact.State, fact.Failure = fleet.PodBroken, unready(p, "is not ready any more", report)
	case now.Sub(started) > patience:
		fact.Failure = unready(p, "does not get ready", report)
	}
	return fact
}

func unready(p *corev1.Pod, what string, report Report) string {
	sentence := fmt.Sprintf("Pod %s %s", p.Name, what)
	if report.Unready != "" {
		sentence += ": " + podwatch.Cut(report.Unready)
	}
	return sentence
}

// Gone says whether a pod cannot take requests any more: it ended, or it should have been deleted long ago, which happens when its
// node is lost. Nobody waits for such a pod.
func Gone(p *corev1.Pod, now time.Time) bool {
	return Finished(p) || (!p.DeletionTimestamp.IsZero() && now.Sub(p.DeletionTimestamp.Time) > Overdue)
}

// Finished says whether a pod ended for good, for example by eviction; its Deployment has made another.
func Finished(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
}

// Ready says whether a pod takes requests.
func Ready(p *corev1.Pod) bool {
	c := readyCondition(p)
	return c != nil && c.Status == corev1.ConditionTrue
}

// ReadySince is when a pod became ready; zero while it is not.
func ReadySince(p *corev1.Pod) time.Time {
	if !Ready(p) {
		return time.Time{}
	}
	return readyCondition(p).LastTransitionTime.Time
}

func readyCondition(p *corev1.Pod) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == corev1.PodReady {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// SidecarStart is when the sidecar that runs now started; zero when none runs.
func SidecarStart(p *corev1.Pod) time.Time {
	for _, s := range p.Status.ContainerStatuses {
		if s.Name == names.ContainerSidecar && s.State.Running != nil {
			return s.State.Running.StartedAt.Time
		}
	}
	return time.Time{}
}

// crash describes the last bad end of a container of a pod that is not ready; empty when none ended badly.
func crash(p *corev1.Pod) string {
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, s := range list {
			if end := badEnd(s); end != nil {
				return describeEnd(p, s, end)
			}
		}
	}
	return ""
}

// badEnd is how a container ended that is not well since. A puller that succeeded at its second attempt is well.
func badEnd(s corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	now, last := s.State.Terminated, s.LastTerminationState.Terminated
	switch {
	case now != nil && now.ExitCode != 0:
		return now
	case now != nil:
		return nil
	case last != nil && last.ExitCode != 0:
		return last
	}
	return nil
}

func describeEnd(pod *corev1.Pod, s corev1.ContainerStatus, end *corev1.ContainerStateTerminated) string {
	what := fmt.Sprintf("Container %s of pod %s", s.Name, pod.Name)
	again := ""
	if s.RestartCount > 0 {
		again = fmt.Sprintf(" (started %d times)", s.RestartCount+1)
	}
	if end.Reason == "OOMKilled" {
		return what + " used more memory than its limit" + again + podwatch.More(pod.Labels, s.Name)
	}
	message := strings.TrimSpace(end.Message)
	if line := message[strings.LastIndexByte(message, '\n')+1:]; line != "" {
		return fmt.Sprintf("%s ended with code %d%s: %s", what, end.ExitCode, again, podwatch.Cut(line))
	}
	return fmt.Sprintf("%s ended with code %d%s", what, end.ExitCode, again)
}
