package servingpodtest

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/internal/names"
)

// Noon is when the pods are made.
var Noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Pod makes a pod of the TryOnDeployment shop/storefront at Noon.
func Pod(name, version string, change ...func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", UID: "uid-" + "x", CreationTimestamp: metav1.NewTime(Noon),
		Labels: map[string]string{names.LabelDeployment: "storefront", names.LabelModelVersion: version},
	}}
	p.Status.PodIP = "10.0.0.1"
	for _, c := range change {
		c(&p)
	}
	return p
}

// Readiness sets the condition Ready, with the time of its last change after Noon.
func Readiness(state corev1.ConditionStatus, after time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
			Type: corev1.PodReady, Status: state, LastTransitionTime: metav1.NewTime(Noon.Add(after)),
		})
	}
}

// Sidecar has the sidecar run since a time after Noon.
func Sidecar(after time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: names.ContainerSidecar, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(Noon.Add(after))}},
		})
	}
}
