package tryondeployment

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// collectEvery is how often the pods of a deployment are asked for evidence at most.
const collectEvery = 4 * time.Second

// observeEvidence reads the ledger of the candidate that is judged, and adds to it what the stable pods say now.
func (r *Reconciler) observeEvidence(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed) error {
	seen.Restarts = restarts(obj, resolve(obj, seen).Version)
	seen.Case = caseOf(obj, seen)
	if seen.Case == nil {
		return nil
	}
	config := &corev1.ConfigMap{}
	found, err := r.getOwned(ctx, obj, "ConfigMap", names.Evidence(obj.Name), config)
	if err != nil {
		return err
	}
	if found {
		// What cannot be read is lost; the question is put again under another epoch.
		if ledger, err := evidence.DecodeLedger([]byte(config.Data[evidence.LedgerKey])); err == nil && ledger.Epoch == seen.Case.Epoch {
			seen.Ledger = ledger
		}
	}
	compared := seen.Control.Shadow != nil && seen.Control.Shadow.Epoch == seen.Case.Epoch
	switch {
	case compared && seen.Ledger == nil:
		seen.Restarts++
		seen.Case = caseOf(obj, seen)
	case compared && r.collecting.Turn(obj.UID, collectEvery, r.Clock.Now()):
		r.collect(ctx, seen)
	}
	return nil
}

// restarts is how often the evidence about a candidate was lost before.
func restarts(obj *v1alpha1.TryOnDeployment, candidate string) int32 {
	if j := obj.Status.Judgement; j != nil && j.Candidate == candidate && j.Restarts != nil {
		return *j.Restarts
	}
	return 0
}

// caseOf is the question that the spec asks about the wanted version; nil when it asks none.
func caseOf(obj *v1alpha1.TryOnDeployment, seen *Observed) *judge.Case {
	steps := obj.Spec.Rollout.Steps
	wanted, stable := resolve(obj, seen).Version, routed(seen)
	if len(steps) == 0 || steps[0].Weight > 0 || wanted == "" || stable == "" || wanted == stable {
		return nil
	}
	c := judge.CaseOf(obj, stable, wanted, seen.Restarts)
	return &c
}

// routed is the version that the Service selects; empty when there is no Service.
func routed(seen *Observed) string {
	if seen.Service == nil {
		return ""
	}
	return seen.Service.Spec.Selector[names.LabelModelVersion]
}

// collect asks the stable pods that apply the control document. One that does not answer says nothing for or against the candidate.
func (r *Reconciler) collect(ctx context.Context, seen *Observed) {
	stable := slices.DeleteFunc(slices.Clone(seen.Pods), func(p corev1.Pod) bool {
		return p.Labels[names.LabelModelVersion] != seen.Case.Stable || !servingpod.Ready(&p) || seen.Reports[p.UID].Generation != seen.Control.Generation
	})
	reports, errs := make([]evidence.Report, len(stable)), make([]error, len(stable))
	var group errgroup.Group
	group.SetLimit(asked)
	for i := range stable {
		group.Go(func() error {
			reports[i], errs[i] = r.Pods.Evidence(ctx, targetOf(&stable[i]))
			return nil
		})
	}
	_ = group.Wait()
	for i := range stable {
		r.take(ctx, seen, stable[i].Name, reports[i], errs[i])
	}
	if seen.LedgerGrown {
		seen.Case.Look(seen.Ledger, r.Clock.Now())
	}
}

// take adds one pod's report to the ledger.
func (r *Reconciler) take(ctx context.Context, seen *Observed, pod string, report evidence.Report, err error) {
	switch {
	case errors.Is(err, evidence.ErrInvalid):
		seen.Ledger.Drop(evidence.Invalid)
		seen.LedgerGrown = true
	case err != nil:
		ctrl.LoggerFrom(ctx).V(1).Info("Serving pod gives no evidence", "pod", pod, "reason", err.Error())
	default:
		changed, drop := seen.Ledger.Take(report, r.Clock.Now())
		seen.LedgerGrown = seen.LedgerGrown || changed || drop != evidence.Accepted
	}
}
