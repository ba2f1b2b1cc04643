package capacity_test

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

const stable, candidate = "tops-v1", "tops-v2"

// world is a TryOnDeployment whose pods start in ten seconds and say what they are told to.
type world struct {
	tod     *v1alpha1.TryOnDeployment
	now     time.Time
	present int32
	pods    []corev1.Pod
	// loads are the work of all ready pods of a version together, of which each says its part; those of a version without any are silent.
	loads    map[string]control.Load
	document control.Document
	memory   capacity.Memory
	last     capacity.Plan
	serial   int
	// changes tells every change of the number.
	changes []string
}

func newWorld(change ...func(*v1alpha1.TryOnDeployment)) *world {
	tod := &v1alpha1.TryOnDeployment{Spec: v1alpha1.TryOnDeploymentSpec{
		Replicas: 1, Scaling: v1alpha1.ScalingSpec{MinReplicas: 1, MaxReplicas: 8},
	}}
	for _, c := range change {
		c(tod)
	}
	return &world{tod: tod, now: servingpodtest.Noon, loads: map[string]control.Load{stable: {}}, document: control.New(1, nil)}
}

// fit makes the pods of a version as many as its Deployment asks for.
func (w *world) fit(version string, wanted int32) {
	var kept []corev1.Pod
	for _, p := range w.pods {
		if p.Labels["tryon.braincreators.com/model-version"] != version {
			kept = append(kept, p)
			continue
		}
		if wanted > 0 {
			kept = append(kept, p)
			wanted--
		}
	}
	for ; wanted > 0; wanted-- {
		w.serial++
		pod := servingpodtest.Pod(fmt.Sprintf("%s-%d", version, w.serial), version)
		pod.UID, pod.CreationTimestamp = types.UID(pod.Name), metav1.NewTime(w.now)
		kept = append(kept, pod)
	}
	w.pods = kept
}

func (w *world) look() capacity.Plan {
	ready := map[string][]types.UID{}
	for i := range w.pods {
		p := &w.pods[i]
		if w.now.Sub(p.CreationTimestamp.Time) < 10*time.Second || p.DeletionTimestamp != nil {
			continue
		}
		if len(p.Status.Conditions) == 0 {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(w.now)}}
		}
		version := p.Labels["tryon.braincreators.com/model-version"]
		ready[version] = append(ready[version], p.UID)
	}
	reports := map[types.UID]servingpod.Report{}
	for version, load := range w.loads {
		n := float64(len(ready[version]))
		part := &control.Load{BacklogSeconds: load.BacklogSeconds / n, ArrivalsPerSecond: load.ArrivalsPerSecond / n, Busy: min(load.ArrivalsPerSecond/n, 1)}
		for _, uid := range ready[version] {
			reports[uid] = servingpod.Report{Load: part}
		}
	}
	plan := capacity.Decide(w.tod, capacity.Look{
		Now: w.now, Stable: stable, Present: w.present, Control: w.document, Pods: w.pods, Reports: reports,
	}, w.memory)
	if change := plan.Change(); change != "" {
		w.changes = append(w.changes, change)
	}
	w.tod.Status.Scaling = plan.StatusAfter(w.tod.Status.Scaling, w.now)
	w.memory, w.present, w.last = plan.Memory, plan.Replicas, plan
	w.fit(stable, plan.Replicas)
	if c := w.document.Candidate; c != nil && c.Version == candidate {
		w.fit(candidate, plan.Replicas)
	}
	return plan
}

// pass lets time go by, with the looks that the plans ask for.
func (w *world) pass(d time.Duration) *world {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(w.look().RecheckAfter)
	}
	return w
}

func (w *world) says(arrivals float64) *world {
	w.loads[stable] = control.Load{ArrivalsPerSecond: arrivals}
	return w
}
