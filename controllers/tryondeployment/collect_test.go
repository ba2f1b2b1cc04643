package tryondeployment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/controlclient"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/replayjob"
	envelope "github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

// witnesses answer with what they are given, by UID, and count how often each is asked.
type witnesses struct {
	Pods
	mu      sync.Mutex
	reports map[string]evidence.Report
	errs    map[string]error
	asked   map[string]int
}

func (w *witnesses) Evidence(_ context.Context, pod controlclient.Target) (evidence.Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[pod.UID]++
	return w.reports[pod.UID], w.errs[pod.UID]
}

// judged is a deployment whose candidate is judged, and a look at it.
func judged() (*v1alpha1.TryOnDeployment, *Observed) {
	obj := serve("tops", 0)
	obj.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Shadow: v1alpha1.ShadowStep{SamplePercent: 20}}}
	seen := shifting()
	seen.Case = caseOf(obj, seen)
	seen.Control.Candidate = nil
	seen.Control.Shadow = &control.Shadow{Epoch: seen.Case.Epoch, Version: "tops-v2", Address: "http://h", SamplePercent: 20, LatencyRatio: 1.1}
	seen.Ledger, _ = seen.Case.Open(servingpodtest.Noon)
	return obj, seen
}

func report(t *testing.T, c *judge.Case, pod string, pairs int) evidence.Report {
	t.Helper()
	totals, err := evidence.NewTotals(1.1)
	if err != nil {
		t.Fatal(err)
	}
	for range pairs {
		totals.Pairs++
		totals.Errors.Observe(false, false)
	}
	return evidence.Report{
		Schema: evidence.Schema, Epoch: c.Epoch, Stable: c.Stable, Candidate: c.Candidate, Instance: fmt.Sprintf("%032x", pod), Sequence: 1, TakenAt: servingpodtest.Noon, Totals: totals,
	}
}

func TestOnlyStablePodsThatApplyTheDocumentGiveEvidence(t *testing.T) {
	_, seen := judged()
	behind, silent, liar := seen.Pods[0], seen.Pods[0], seen.Pods[0]
	behind.UID, silent.UID, liar.UID = "behind", "silent", "liar"
	seen.Pods = append(seen.Pods, behind, silent, liar)
	seen.Reports = map[types.UID]servingpod.Report{"1": {Generation: 4}, "2": {Generation: 4}, "behind": {Generation: 3}, "silent": {Generation: 4}, "liar": {Generation: 4}}
	pods := &witnesses{
		reports: map[string]evidence.Report{"1": report(t, seen.Case, "1", 30)}, asked: map[string]int{},
		errs: map[string]error{"silent": controlclient.ErrPod, "liar": errors.Join(controlclient.ErrPod, evidence.ErrInvalid)},
	}
	r := &Reconciler{Pods: pods, Clock: clocktesting.NewFakePassiveClock(servingpodtest.Noon.Add(time.Minute))}
	r.collect(t.Context(), seen)
	if pods.asked["1"] != 1 || pods.asked["silent"] != 1 || pods.asked["liar"] != 1 || len(pods.asked) != 3 {
		t.Errorf("asked: %v", pods.asked)
	}
	if got := seen.Ledger.Totals().Pairs; got != 30 || !seen.LedgerGrown {
		t.Errorf("%d pairs, grown %v; want the 30 of the one pod that spoke", got, seen.LedgerGrown)
	}
	if got := seen.Ledger.Drops[evidence.Invalid]; got != 1 {
		t.Errorf("%d invalid reports are counted, want 1", got)
	}
}

func TestAReplayIsTakenOnceAndEachOfItsReportsIsALook(t *testing.T) {
	_, seen := judged()
	early, whole := report(t, seen.Case, "", 10), report(t, seen.Case, "", 30)
	early.Instance, whole.Instance, whole.Sequence = evidence.ReplayInstance(seen.Case.Epoch), evidence.ReplayInstance(seen.Case.Epoch), 2
	packed, err := evidence.Pack(early, whole)
	if err != nil {
		t.Fatal(err)
	}
	question := serving.Replay{Epoch: seen.Case.Epoch}
	words, err := envelope.New(envelope.KindReplay, string(question.Key()), envelope.Passed, envelope.ReplaySummary{Pairs: 30, Evidence: packed})
	if err != nil {
		t.Fatal(err)
	}
	seen.Replay = &replayjob.Seen{Replay: question, Runs: []backend.Run{{Key: question.Key(), State: backend.Reported, Report: words}}}
	r := &Reconciler{Clock: clocktesting.NewFakePassiveClock(servingpodtest.Noon.Add(time.Minute))}
	for range 2 {
		r.collectReplay(t.Context(), seen)
	}
	if got := seen.Ledger.Totals().Pairs; got != 30 || !seen.LedgerGrown || len(seen.Ledger.Drops) != 0 {
		t.Errorf("%d pairs, grown %v, dropped %v; want the 30 of the replay once", got, seen.LedgerGrown, seen.Ledger.Drops)
	}
	if h := seen.Ledger.History; h == nil || len(h.Looks) != 2 || h.Looks[0].Pairs != 10 || h.Looks[1].Pairs != 30 {
		t.Errorf("history %+v, want a look at 10 pairs and one at 30", h)
	}
}

func TestALedgerIsOpenedBeforeThePodsAreToldToCompare(t *testing.T) {
	obj, seen := judged()
	seen.Control, seen.Ledger = control.New(4, nil), nil
	plan := decide(obj, seen, servingpodtest.Noon)
	if plan.Shadow != 20 || plan.Ledger == nil || plan.Ledger.Epoch != seen.Case.Epoch || !plan.Ledger.Since.Equal(servingpodtest.Noon) {
		t.Errorf("shadow %d%%, ledger %+v", plan.Shadow, plan.Ledger)
	}
}

func TestAnOpenLedgerIsWrittenOnlyWhenItGrew(t *testing.T) {
	obj, seen := judged()
	if plan := decide(obj, seen, servingpodtest.Noon); plan.Ledger != nil {
		t.Errorf("ledger %+v is written although nothing came", plan.Ledger)
	}
	seen.LedgerGrown = true
	if plan := decide(obj, seen, servingpodtest.Noon); plan.Ledger != seen.Ledger {
		t.Errorf("ledger %+v, want the grown one", plan.Ledger)
	}
}

func TestLostEvidenceIsCollectedAnewUnderAnotherEpoch(t *testing.T) {
	obj, seen := judged()
	seen.Ledger, seen.Restarts = nil, 1
	before := seen.Case.Epoch
	seen.Case = caseOf(obj, seen)
	plan := decide(obj, seen, servingpodtest.Noon)
	if seen.Case.Epoch == before || plan.Ledger == nil || plan.Ledger.Epoch != seen.Case.Epoch {
		t.Errorf("epoch %s after %s, ledger %+v", seen.Case.Epoch, before, plan.Ledger)
	}
	if j := plan.Judgement; j == nil || j.Restarts == nil || *j.Restarts != 1 || j.Rule != "the evidence was lost and is collected anew" {
		t.Errorf("judgement %+v", plan.Judgement)
	}
	obj.Status.Judgement = plan.Judgement
	if got := restarts(obj, "tops-v2"); got != 1 {
		t.Errorf("%d restarts are remembered, want 1", got)
	}
	if got := restarts(obj, "tops-v3"); got != 0 {
		t.Errorf("another candidate has %d restarts, want none", got)
	}
}

func TestWithoutAShadowStepNothingIsJudged(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.TryOnDeployment, *Observed){
		"no steps": func(o *v1alpha1.TryOnDeployment, _ *Observed) { o.Spec.Rollout.Steps = nil },
		"steps with shares": func(o *v1alpha1.TryOnDeployment, _ *Observed) {
			o.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Weight: 10}}
		},
		"nothing new":           func(_ *v1alpha1.TryOnDeployment, s *Observed) { s.Service = selecting("tops-v2") },
		"nothing is served yet": func(_ *v1alpha1.TryOnDeployment, s *Observed) { s.Service = nil },
		"nothing may be served": func(_ *v1alpha1.TryOnDeployment, s *Observed) { s.Versions = nil },
	} {
		t.Run(name, func(t *testing.T) {
			obj, seen := judged()
			change(obj, seen)
			if c := caseOf(obj, seen); c != nil {
				t.Errorf("case %+v", c)
			}
		})
	}
}

func TestADocumentCarriesTheShadowAndKeepsTheRatioOfItsEpoch(t *testing.T) {
	obj, seen := judged()
	p := &pass{obj: obj, seen: seen}
	seen.Control.Shadow.LatencyRatio = 1.5
	same := p.document(shadowing(seen.Case.Epoch)).Shadow
	if same == nil || same.LatencyRatio != 1.5 || same.Address != "http://storefront-tops-v2.shop.svc:8080" || same.SamplePercent != 20 {
		t.Errorf("of the same epoch: %+v", same)
	}
	if other := p.document(shadowing("other")).Shadow; other.LatencyRatio != 1.1 {
		t.Errorf("of another epoch: %+v", other)
	}
}

func shadowing(epoch string) rollout.Document {
	return rollout.Document{Generation: 5, Shadow: &rollout.Shadow{Version: "tops-v2", Epoch: epoch, Percent: 20}}
}
