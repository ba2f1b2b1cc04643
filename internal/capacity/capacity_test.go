package capacity_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/scale"
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

func TestWithoutScalingTheSpecDecides(t *testing.T) {
	w := newWorld(func(tod *v1alpha1.TryOnDeployment) { tod.Spec.Replicas, tod.Spec.Scaling = 3, v1alpha1.ScalingSpec{} })
	plan := capacity.Decide(w.tod, capacity.Look{Now: w.now, Stable: stable, Present: 7}, capacity.Memory{})
	if diff := cmp.Diff(capacity.Plan{Replicas: 3, Least: 3}, plan, cmp.AllowUnexported(capacity.Memory{}), cmp.AllowUnexported(scale.Memory{})); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if plan.Change() != "" || plan.StatusAfter(&v1alpha1.ScalingStatus{Desired: 7}, w.now) != nil {
		t.Error("what the spec decides is told as scaling")
	}
}

func TestReplicasAreTheNumberToBeginWith(t *testing.T) {
	for name, tt := range map[string]struct {
		replicas, low, high int32
		want                int32
	}{
		"within the bounds":  {3, 1, 8, 3},
		"below the minimum":  {1, 2, 8, 2},
		"above the maximum":  {9, 1, 4, 4},
		"no minimum is said": {1, 0, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(func(tod *v1alpha1.TryOnDeployment) {
				tod.Spec.Replicas, tod.Spec.Scaling = tt.replicas, v1alpha1.ScalingSpec{MinReplicas: tt.low, MaxReplicas: tt.high}
			})
			if got := w.look(); got.Replicas != tt.want || got.Change() != "" {
				t.Errorf("%d pods, change %q; want %d and none", got.Replicas, got.Change(), tt.want)
			}
		})
	}
}

func TestTheWorkOfThePodsDecides(t *testing.T) {
	w := newWorld().says(0.3).pass(2 * time.Minute)
	if w.present != 1 || len(w.changes) > 0 {
		t.Fatalf("%d pods for little work; %v", w.present, w.changes)
	}
	w.says(3).pass(time.Minute)
	if w.present != 4 || len(w.changes) == 0 || !strings.HasPrefix(w.changes[0], "1 -> ") || !strings.Contains(w.changes[0], "arrives") {
		t.Fatalf("%d pods for the work of three, which need four at 75 percent; %v", w.present, w.changes)
	}
	w.says(0.1).pass(15 * time.Minute)
	if w.present != 1 || w.last.Reason != v1alpha1.ReasonScalingSteady {
		t.Errorf("%d pods, %s, after a quiet quarter of an hour; %v", w.present, w.last.Reason, w.changes)
	}
}

func TestEverySettingTakesEffect(t *testing.T) {
	minutes := func(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * time.Minute} }
	// One pod's work is changed for two minutes and looked at; and looked at once more after a quiet while.
	waiting := control.Load{ArrivalsPerSecond: 0.7, BacklogSeconds: 30}
	scaling := func(change func(*v1alpha1.ScalingSpec)) func(*v1alpha1.TryOnDeployment) {
		return func(d *v1alpha1.TryOnDeployment) { change(&d.Spec.Scaling) }
	}
	for name, tt := range map[string]struct {
		change         func(*v1alpha1.TryOnDeployment)
		busy           control.Load
		quiet          time.Duration
		want, wantThen int32
	}{
		"none: work for 0.7 pods":   {busy: control.Load{ArrivalsPerSecond: 0.7}, want: 1, wantThen: 1},
		"none: a backlog":           {busy: waiting, want: 2, wantThen: 2},
		"none: work for 6 pods":     {busy: control.Load{ArrivalsPerSecond: 6}, quiet: 4 * time.Minute, want: 8, wantThen: 8},
		"minReplicas":               {change: scaling(func(s *v1alpha1.ScalingSpec) { s.MinReplicas = 3 }), want: 3, wantThen: 3},
		"maxReplicas":               {change: scaling(func(s *v1alpha1.ScalingSpec) { s.MaxReplicas = 2 }), busy: control.Load{ArrivalsPerSecond: 6}, want: 2, wantThen: 2},
		"utilisationPercent":        {change: scaling(func(s *v1alpha1.ScalingSpec) { s.UtilisationPercent = 35 }), busy: control.Load{ArrivalsPerSecond: 0.7}, want: 2, wantThen: 2},
		"targetBacklog":             {change: scaling(func(s *v1alpha1.ScalingSpec) { s.TargetBacklog = minutes(1) }), busy: waiting, want: 1, wantThen: 1},
		"stableWindow":              {change: scaling(func(s *v1alpha1.ScalingSpec) { s.StableWindow = &metav1.Duration{Duration: 10 * time.Second} }), busy: waiting, want: 3, wantThen: 3},
		"scaleDownDelay":            {change: scaling(func(s *v1alpha1.ScalingSpec) { s.ScaleDownDelay = minutes(1) }), busy: control.Load{ArrivalsPerSecond: 6}, quiet: 6 * time.Minute, want: 8, wantThen: 1},
		"requestTimeout, a backlog": {change: func(d *v1alpha1.TryOnDeployment) { d.Spec.Sidecar.RequestTimeout = minutes(5) }, busy: control.Load{ArrivalsPerSecond: 0.7, BacklogSeconds: 200}, want: 4, wantThen: 4},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if tt.change != nil {
				tt.change(w.tod)
			}
			w.loads[stable] = tt.busy
			w.pass(2 * time.Minute)
			if w.present != tt.want {
				t.Errorf("%d pods, want %d; %s", w.present, tt.want, w.last.Message)
			}
			w.says(0).pass(tt.quiet)
			if w.present != tt.wantThen {
				t.Errorf("%d pods afterwards, want %d; %s", w.present, tt.wantThen, w.last.Message)
			}
		})
	}
}

func TestRaisingReplicasAsksForSoManyPodsForTheDelay(t *testing.T) {
	w := newWorld().says(0.1).pass(6 * time.Minute)
	w.tod.Spec.Replicas = 6
	w.pass(10 * time.Second)
	if w.present != 6 || len(w.changes) != 1 || !strings.Contains(w.changes[0], "1 -> 6 pods: spec.replicas was set to 6") {
		t.Fatalf("%d pods; %v", w.present, w.changes)
	}
	w.pass(4 * time.Minute)
	if w.present != 6 {
		t.Errorf("%d pods before the delay is over", w.present)
	}
	// The number in the spec stays, as one in a repository does, and asks for nothing any more.
	w.pass(10 * time.Minute)
	if w.present != 1 {
		t.Errorf("%d pods long after the delay", w.present)
	}
	w.tod.Spec.Replicas = 1
	w.pass(time.Minute)
	w.tod.Spec.Replicas = 6
	w.memory = capacity.Memory{}
	w.pass(10 * time.Second)
	if w.present != 6 {
		t.Errorf("%d pods after an order during which the manager restarted", w.present)
	}
	w.tod.Spec.Replicas = 2
	w.pass(10 * time.Second)
	if w.present != 6 {
		t.Errorf("%d pods: a lower number took pods away", w.present)
	}
}

func TestBothVersionsOfARolloutGetEnoughForAllRequests(t *testing.T) {
	// Four seconds of work per second: half of them go to the candidate.
	w := newWorld(func(tod *v1alpha1.TryOnDeployment) { tod.Spec.Replicas = 6 }).says(4).pass(7 * time.Minute)
	if w.present != 6 {
		t.Fatalf("%d pods before the rollout; %v", w.present, w.changes)
	}
	address := "http://storefront-tops-v2.shop.svc:8080"
	w.document = control.New(2, &control.Candidate{Version: candidate, Address: address, Weight: 50})
	w.loads[stable] = control.Load{ArrivalsPerSecond: 2}
	w.loads[candidate] = control.Load{ArrivalsPerSecond: 2}
	w.pass(20 * time.Minute)
	if w.present != 6 || len(w.changes) > 0 {
		t.Errorf("%d pods during the rollout, which the work does not ask for; %v", w.present, w.changes)
	}
	delete(w.loads, candidate)
	w.says(0).pass(2 * time.Minute)
	if w.present != 6 || w.last.Reason != v1alpha1.ReasonScalingReadingsMissing || !strings.Contains(w.last.Message, candidate) {
		t.Errorf("%d pods, %s, while the candidate is silent: %s", w.present, w.last.Reason, w.last.Message)
	}
}

func TestInPlaceBothVersionsShareOneNumber(t *testing.T) {
	w := newWorld(func(tod *v1alpha1.TryOnDeployment) { tod.Spec.Replicas = 6 }).says(4).pass(7 * time.Minute)
	look := func() capacity.Plan {
		reports := map[types.UID]servingpod.Report{}
		for _, p := range w.pods {
			reports[p.UID] = servingpod.Report{Load: &control.Load{ArrivalsPerSecond: 4.0 / 5, Busy: 0.8}}
		}
		plan := capacity.Decide(w.tod, capacity.Look{
			Now: w.now, Stable: stable, Present: 3, Control: w.document, InPlace: true, Pods: w.pods, Reports: reports,
		}, w.memory)
		w.memory, w.now = plan.Memory, w.now.Add(plan.RecheckAfter)
		return plan
	}
	// Three pods serve on, two of the candidate are ready, and one is being replaced.
	w.document = control.New(2, &control.Candidate{Version: candidate, Address: "http://storefront-tops-v2.shop.svc:8080", Weight: 33})
	w.pods = w.pods[:5]
	for i := range 2 {
		w.pods[i].Labels = map[string]string{"tryon.braincreators.com/model-version": candidate}
	}
	for range 200 {
		if plan := look(); plan.Replicas != 6 || plan.Change() != "" {
			t.Fatalf("%d pods: %s", plan.Replicas, plan.Message)
		}
	}
	w.memory = capacity.Memory{}
	if plan := look(); plan.Replicas != 6 {
		t.Errorf("%d pods after a restart of the manager: %s", plan.Replicas, plan.Message)
	}
}

func TestACandidateWithoutAShareHasNoSay(t *testing.T) {
	w := newWorld().says(0.5).pass(6 * time.Minute)
	w.document.Candidate = &control.Candidate{Version: candidate, Address: "http://storefront-tops-v2.shop.svc:8080"}
	w.loads[candidate] = control.Load{ArrivalsPerSecond: 5}
	w.pass(6 * time.Minute)
	if w.present != 1 {
		t.Errorf("%d pods; %v", w.present, w.changes)
	}
}

func TestTheNumberIsHeldUntilTheOldVersionLeaves(t *testing.T) {
	w := newWorld().says(0.3).pass(2 * time.Minute)
	w.document = control.New(3, &control.Candidate{Version: stable, Address: "http://storefront-tops-v1.shop.svc:8080", Weight: 100})
	w.fit("tops-v0", 1)
	w.says(3).pass(30 * time.Second)
	if w.present != 1 || w.last.Reason != v1alpha1.ReasonScalingHeld {
		t.Errorf("%d pods, %s, while the old version is there", w.present, w.last.Reason)
	}
	for i := range w.pods {
		if strings.HasPrefix(w.pods[i].Name, "tops-v0") {
			w.pods[i].DeletionTimestamp = &metav1.Time{Time: w.now}
		}
	}
	w.pass(10 * time.Second)
	if w.present < 4 {
		t.Errorf("%d pods once the old version leaves; %s", w.present, w.last.Message)
	}
}

func TestADeletedDeploymentComesBackAsLargeAsItWas(t *testing.T) {
	w := newWorld().says(3).pass(2 * time.Minute)
	if w.present != 4 {
		t.Fatalf("%d pods for the work of three", w.present)
	}
	w.present, w.pods = 0, nil
	if w.look(); w.present != 4 || len(w.changes) > 1 {
		t.Errorf("%d pods after somebody deleted them; %v", w.present, w.changes)
	}
}

func TestAPodThatDoesNotAnswerOnceIsRemembered(t *testing.T) {
	w := newWorld().says(3).pass(2 * time.Minute)
	delete(w.loads, stable)
	w.pass(15 * time.Second)
	if w.last.Reason != v1alpha1.ReasonScalingSteady || !strings.Contains(w.last.Message, "work for 3.0 pods") {
		t.Errorf("%s: %s", w.last.Reason, w.last.Message)
	}
	w.pass(30 * time.Second)
	if w.last.Reason != v1alpha1.ReasonScalingReadingsMissing || w.present != 4 {
		t.Errorf("%d pods, %s: %s", w.present, w.last.Reason, w.last.Message)
	}
}

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
	if w.last.Reason != v1alpha1.ReasonScalingDelayed || !strings.Contains(w.last.Message, "work for 0.3 pods") {
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

func TestTheStatusIsToldAnewOnlyWithAnotherNumberOrReason(t *testing.T) {
	noon := servingpodtest.Noon
	plan := capacity.Plan{Scaled: true, Replicas: 2, Reason: v1alpha1.ReasonScalingSteady, Message: "first", Requested: 1}
	first := plan.StatusAfter(nil, noon)
	want := v1alpha1.ScalingStatus{Desired: 2, Reason: "Steady", Message: "first", Requested: 1, LastChangeTime: &metav1.Time{Time: noon}}
	if diff := cmp.Diff(&want, first); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	plan.Message = "second"
	if diff := cmp.Diff(first, plan.StatusAfter(first, noon.Add(time.Minute))); diff != "" {
		t.Errorf("with other figures (-want +got):\n%s", diff)
	}
	watching := plan
	watching.Reason = v1alpha1.ReasonScalingWatching
	if diff := cmp.Diff(first, watching.StatusAfter(first, noon.Add(time.Minute))); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	plan.Reason, plan.Requested = v1alpha1.ReasonScalingDelayed, 3
	want.Reason, want.Message, want.Requested = plan.Reason, "second", 3
	if diff := cmp.Diff(&want, plan.StatusAfter(first, noon.Add(time.Minute))); diff != "" {
		t.Errorf("with another reason (-want +got):\n%s", diff)
	}
	plan.Replicas = 3
	if got := plan.StatusAfter(first, noon.Add(time.Minute)); got.Desired != 3 || !got.LastChangeTime.Time.Equal(noon.Add(time.Minute)) {
		t.Errorf("with another number: %+v", got)
	}
}

func TestAConditionSaysWhatHoldsScalingBack(t *testing.T) {
	for reason, want := range map[string]metav1.ConditionStatus{
		v1alpha1.ReasonScalingAtMaximum: metav1.ConditionTrue, v1alpha1.ReasonScalingReadingsMissing: metav1.ConditionTrue,
		v1alpha1.ReasonScalingNoPodReady: metav1.ConditionUnknown, v1alpha1.ReasonScalingSteady: metav1.ConditionFalse, v1alpha1.ReasonScalingBurst: metav1.ConditionFalse,
	} {
		state, got, message := capacity.Limited(&v1alpha1.ScalingStatus{Reason: reason, Message: "figures"})
		if state != want || message == "" || (want == metav1.ConditionFalse) != (got == v1alpha1.ReasonScalingFree) {
			t.Errorf("%s: %s %s %q, want %s", reason, state, got, message, want)
		}
	}
}

func TestTheReasonsOfTheDecisionAreThoseOfTheAPI(t *testing.T) {
	for api, reason := range map[string]scale.Reason{
		v1alpha1.ReasonScalingSteady: scale.ReasonSteady, v1alpha1.ReasonScalingLoadRose: scale.ReasonLoadRose, v1alpha1.ReasonScalingBurst: scale.ReasonBurst,
		v1alpha1.ReasonScalingAtMaximum: scale.ReasonAtMaximum, v1alpha1.ReasonScalingDelayed: scale.ReasonDelayed, v1alpha1.ReasonScalingLoadFell: scale.ReasonLoadFell,
		v1alpha1.ReasonScalingReadingsMissing: scale.ReasonReadingsMissing, v1alpha1.ReasonScalingNoPodReady: scale.ReasonNoPodReady,
		v1alpha1.ReasonScalingWatching: scale.ReasonWatching, v1alpha1.ReasonScalingBounds: scale.ReasonBounds,
	} {
		if api != string(reason) {
			t.Errorf("%s is called %s", reason, api)
		}
	}
}

func TestOneMemoryIsKeptForEachObject(t *testing.T) {
	var all capacity.Memories
	name := types.NamespacedName{Namespace: "shop", Name: "storefront"}
	same := cmp.AllowUnexported(capacity.Memory{}, scale.Memory{})
	w := newWorld().says(0.3).pass(time.Minute)
	empty := func(m capacity.Memory) bool { return cmp.Equal(capacity.Memory{}, m, same) }
	if !empty(all.Recall(name, "1")) {
		t.Error("something is remembered of what was never seen")
	}
	all.Keep(name, "1", w.last)
	if empty(all.Recall(name, "1")) || !empty(all.Recall(name, "2")) {
		t.Error("the memory is not that of the object, or of another one of its name")
	}
	all.Keep(name, "1", capacity.Plan{Replicas: 3})
	if !empty(all.Recall(name, "1")) {
		t.Error("something is remembered without scaling")
	}
	all.Keep(name, "1", w.last)
	all.Forget(name)
	if !empty(all.Recall(name, "1")) {
		t.Error("something is remembered of what is gone")
	}
}
