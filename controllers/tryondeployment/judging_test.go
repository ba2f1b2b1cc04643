package tryondeployment

import (
	"testing"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/judging"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

// judged is a deployment whose candidate is judged, and a look at it.
func judged() (*v1alpha1.TryOnDeployment, *Observed) {
	obj := serve("tops", 0)
	obj.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Shadow: v1alpha1.ShadowStep{SamplePercent: 20}}}
	seen := shifting()
	question := judge.CaseOf(obj, "tops-v1", "tops-v2", "", 0)
	seen.Control.Candidate = nil
	seen.Control.Shadow = &control.Shadow{Epoch: question.Epoch, Version: "tops-v2", Address: "http://h", SamplePercent: 20, LatencyRatio: 1.1}
	ledger, _ := question.Open(servingpodtest.Noon)
	seen.Judging = judging.Seen{Case: &question, Ledger: ledger}
	return obj, seen
}

func TestALedgerIsOpenedBeforeThePodsAreToldToCompare(t *testing.T) {
	obj, seen := judged()
	seen.Control, seen.Judging.Ledger = control.New(4, nil), nil
	plan := decide(obj, seen, servingpodtest.Noon)
	if plan.Shadow != 20 || plan.Ledger == nil || plan.Ledger.Epoch != seen.Judging.Case.Epoch || !plan.Ledger.Since.Equal(servingpodtest.Noon) {
		t.Errorf("shadow %d%%, ledger %+v", plan.Shadow, plan.Ledger)
	}
}

func TestAnOpenLedgerIsWrittenOnlyWhenItGrew(t *testing.T) {
	obj, seen := judged()
	if plan := decide(obj, seen, servingpodtest.Noon); plan.Ledger != nil {
		t.Errorf("ledger %+v is written although nothing came", plan.Ledger)
	}
	seen.Judging.Grown = true
	if plan := decide(obj, seen, servingpodtest.Noon); plan.Ledger != seen.Judging.Ledger {
		t.Errorf("ledger %+v, want the grown one", plan.Ledger)
	}
}

func TestLostEvidenceIsCollectedAnewAndTheStatusSaysSo(t *testing.T) {
	obj, seen := judged()
	anew := judge.CaseOf(obj, "tops-v1", "tops-v2", "", 1)
	seen.Judging = judging.Seen{Case: &anew, Restarts: 1}
	plan := decide(obj, seen, servingpodtest.Noon)
	if plan.Ledger == nil || plan.Ledger.Epoch != anew.Epoch {
		t.Errorf("ledger %+v, want one of epoch %s", plan.Ledger, anew.Epoch)
	}
	summarize(obj, seen, plan, nil)
	if j := obj.Status.Judgement; j == nil || j.Restarts == nil || *j.Restarts != 1 || j.Rule != "the evidence was lost and is collected anew" {
		t.Errorf("judgement %+v", obj.Status.Judgement)
	}
}

func TestWhatAJudgementHasToKnowIsWhatTheServiceSelectsAndTheSpecAsksFor(t *testing.T) {
	obj, seen := judged()
	look := judgingOf(obj, seen)
	if look.Wanted.Name != "tops-v2" || look.Stable.Name != "tops-v1" || look.Wanted.Weights != digest || look.Stable.Weights != digest {
		t.Errorf("wanted %+v, stable %+v", look.Wanted, look.Stable)
	}
	if look.Record != nil {
		t.Errorf("the record of %s is given, and that of tops-v1 is gone", look.Record.Name)
	}
	seen.Versions = append(seen.Versions, version("tops", 1))
	if look := judgingOf(obj, seen); look.Record == nil || look.Record.Name != "tops-v1" {
		t.Errorf("record %+v, want that of tops-v1", look.Record)
	}
	seen.Service = nil
	if look := judgingOf(obj, seen); look.Stable.Name != "" || look.Record != nil {
		t.Errorf("nothing is served, and %+v is stable", look.Stable)
	}
}

func TestADocumentCarriesTheShadowAndKeepsTheRatioOfItsEpoch(t *testing.T) {
	obj, seen := judged()
	p := &pass{obj: obj, seen: seen}
	seen.Control.Shadow.LatencyRatio = 1.5
	same := p.document(shadowing(seen.Judging.Case.Epoch)).Shadow
	if same == nil || same.LatencyRatio != 1.5 || same.Address != "http://storefront-tops-v2-2d9766.shop.svc:8080" || same.SamplePercent != 20 {
		t.Errorf("of the same epoch: %+v", same)
	}
	if other := p.document(shadowing("other")).Shadow; other.LatencyRatio != 1.1 {
		t.Errorf("of another epoch: %+v", other)
	}
}

func shadowing(epoch string) rollout.Document {
	return rollout.Document{Generation: 5, Shadow: &rollout.Shadow{Version: "tops-v2", Epoch: epoch, Percent: 20}}
}
