package capacity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/scale"
)

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
	for range 4 {
		w.pass(time.Minute)
		if s := w.tod.Status.Scaling; w.present != 6 || w.last.Reason != v1alpha1.ReasonScalingRequested || !strings.HasPrefix(s.Message, "spec.replicas was set to 6: so many pods are kept for 5m0s") {
			t.Errorf("%d pods before the delay is over, %s, and the status says %s: %s", w.present, w.last.Reason, s.Reason, s.Message)
		}
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

func TestARequestThatIsCutSaysHowFar(t *testing.T) {
	w := newWorld().says(0.1).pass(6 * time.Minute)
	w.tod.Spec.Replicas = 9
	w.pass(10 * time.Second)
	if w.present != 8 || len(w.changes) != 1 || !strings.Contains(w.changes[0], "spec.replicas was set to 9, of which scaling.maxReplicas allows 8: so many pods are kept") {
		t.Errorf("%d pods; %v", w.present, w.changes)
	}
}

func TestWhoNeedsWhatWasAskedForIsNotHeldByTheRequest(t *testing.T) {
	w := newWorld().says(0.1).pass(6 * time.Minute)
	w.tod.Spec.Replicas = 4
	w.pass(10 * time.Second).says(2.8).pass(2 * time.Minute)
	if w.present != 4 || w.last.Reason != v1alpha1.ReasonScalingSteady {
		t.Errorf("%d pods, %s, with work for four; want 4, Steady", w.present, w.last.Reason)
	}
	w.says(0.1).pass(90 * time.Second)
	if w.present != 4 || w.last.Reason != v1alpha1.ReasonScalingDelayed {
		t.Errorf("%d pods, %s, soon after work for four; want 4, ScaleInDelayed", w.present, w.last.Reason)
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
