package capacity_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

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
