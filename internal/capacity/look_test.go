package capacity_test

import (
	"math"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

func TestPodsThatLeaveOrHaveEndedAreNotWaitedFor(t *testing.T) {
	w := newWorld().says(0.3).pass(2 * time.Minute)
	for _, name := range []string{"leaving", "ended"} {
		pod := *w.pods[0].DeepCopy()
		pod.Name, pod.UID = name, types.UID(name)
		pod.DeletionTimestamp = &metav1.Time{Time: w.now}
		if name == "ended" {
			pod.DeletionTimestamp, pod.Status.Phase = nil, corev1.PodFailed
			pod.CreationTimestamp = metav1.NewTime(w.now.Add(time.Hour))
		}
		w.pods = append([]corev1.Pod{pod}, w.pods...)
	}
	for range 20 {
		w.now = w.now.Add(5 * time.Second)
		plan := capacity.Decide(w.tod, capacity.Look{
			Now: w.now, Stable: stable, Present: 2, Control: w.document, Pods: w.pods,
			Reports: map[types.UID]servingpod.Report{w.pods[2].UID: {Load: &control.Load{ArrivalsPerSecond: 0.3, Busy: 0.3}}},
		}, w.memory)
		w.memory, w.last = plan.Memory, plan
	}
	if w.last.Reason != v1alpha1.ReasonScalingRequested || !strings.Contains(w.last.Message, "work for 0.3 pods") {
		t.Errorf("%s: %s", w.last.Reason, w.last.Message)
	}
}

func TestWhatPodsCannotHaveIsNoReading(t *testing.T) {
	for name, load := range map[string]control.Load{
		"not a number": {ArrivalsPerSecond: math.NaN()}, "beyond measure": {ArrivalsPerSecond: math.Inf(1)}, "negative": {BacklogSeconds: -1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.loads[stable] = load
			w.pass(2 * time.Minute)
			if w.present != 1 || w.last.Reason != v1alpha1.ReasonScalingReadingsMissing {
				t.Errorf("%d pods, %s", w.present, w.last.Reason)
			}
		})
	}
}
