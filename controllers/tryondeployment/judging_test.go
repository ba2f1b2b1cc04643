package tryondeployment

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/judging"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/runner"
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

func TestTheEvidenceOfARejectedVersionIsNotReadAtEveryPass(t *testing.T) {
	rejected := func(obj *v1alpha1.TryOnDeployment) {
		obj.Status.Rejected = []v1alpha1.RejectedVersion{{Version: "tops-v2", Weights: digest, Attempt: judge.Attempt(obj), Reason: v1alpha1.ReasonRejected}}
	}
	for name, tt := range map[string]struct {
		change func(*v1alpha1.TryOnDeployment)
		want   int
	}{
		"it is tried":           {func(*v1alpha1.TryOnDeployment) {}, 1},
		"it is not tried again": {rejected, 0},
		"another attempt is asked for": {func(obj *v1alpha1.TryOnDeployment) {
			rejected(obj)
			obj.Annotations = map[string]string{names.RetryAnnotation: "1"}
		}, 1},
		"it has other weights since": {func(obj *v1alpha1.TryOnDeployment) { rejected(obj); obj.Status.Rejected[0].Weights = "sha256:other" }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			obj := serve("tops", 0)
			obj.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Shadow: v1alpha1.ShadowStep{SamplePercent: 20}}}
			tt.change(obj)
			service, wanted, reads := selecting("tops-v1"), version("tops", 2), 0
			service.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(obj, v1alpha1.GroupVersion.WithKind("TryOnDeployment"))}
			c := fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).WithObjects(obj, service, &wanted).WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
					if key.Name == names.Evidence(obj.Name) {
						reads++
					}
					return c.Get(ctx, key, o, opts...)
				},
			}).Build()
			r := &Reconciler{Client: c, Live: c, Clock: clocktesting.NewFakePassiveClock(servingpodtest.Noon), Runner: &runner.Runner{Cached: c, Live: c, Writer: c}}
			for pass := range 2 {
				if _, err := r.observe(t.Context(), obj); err != nil {
					t.Fatal(err)
				}
				if want := tt.want * (pass + 1); reads != want {
					t.Errorf("the evidence is read %d times in %d passes, want %d", reads, pass+1, want)
				}
			}
		})
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
