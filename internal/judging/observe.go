package judging

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/controlclient"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/pace"
	"github.com/braincreators/tryon-operator/internal/replayjob"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// collectEvery is how often the pods of a deployment are asked for evidence at most.
const collectEvery = 4 * time.Second

// Pods gives what serving pods counted.
type Pods interface {
	Evidence(ctx context.Context, pod controlclient.Target) (evidence.Report, error)
}

// Court reads and keeps the evidence of judgements.
type Court struct {
	// Live reads the ledger past the cache: an older one would count again what is counted.
	Live    client.Reader
	Applier *apply.Applier
	Pods    Pods
	Replays *replayjob.Jobs
	Clock   clock.PassiveClock
	// Pace holds back how often the pods of an object are asked.
	Pace *pace.Pace
}

// Look is what is known of a deployment when its judgement is observed.
type Look struct {
	// Wanted and Stable are the version that is asked for and the one that serves; without names where there is none.
	Wanted, Stable serving.Version
	// Record is that of the stable version; nil when it is gone.
	Record *v1alpha1.TryOnModelVersion
	// Control is the document that the pods are told.
	Control control.Document
	// Built tells of what the pods are to be made.
	Built string
	// Pods of every version, and what those that were asked and answered said, by UID.
	Pods    []corev1.Pod
	Reports map[types.UID]servingpod.Report
}

// Seen is what one look found.
type Seen struct {
	// Case is the question that is put about the wanted version; nil when none is.
	Case *judge.Case
	// Ledger is the evidence of the case, with what was counted until this look; nil when there is none.
	Ledger *evidence.Ledger
	// Grown says that the ledger is more than the kept one.
	Grown bool
	// dropped is what the kept one had dropped.
	dropped map[evidence.Reason]int64
	// Replay is what is known of Jobs that compare.
	Replay *replayjob.Seen
	// Restarts counts how often the evidence about the wanted version was lost.
	Restarts int32
}

// Observe reads the ledger of the candidate that is judged, and adds to it what the stable pods and the replay say now.
func (c *Court) Observe(ctx context.Context, tod *v1alpha1.TryOnDeployment, look Look) (Seen, error) {
	seen := Seen{Restarts: restarts(tod, look.Wanted.Name)}
	seen.Case = caseOf(tod, look, seen.Restarts)
	if seen.Case != nil {
		if err := c.observeLedger(ctx, tod, look, &seen); err != nil {
			return Seen{}, err
		}
	}
	return seen, c.observeReplay(ctx, tod, look, &seen)
}

func (c *Court) observeLedger(ctx context.Context, tod *v1alpha1.TryOnDeployment, look Look, seen *Seen) error {
	kept, err := c.Ledger(ctx, tod)
	if err != nil {
		return err
	}
	if kept != nil && kept.Epoch == seen.Case.Epoch {
		seen.Ledger, seen.dropped = kept, maps.Clone(kept.Drops)
	}
	compared := look.Control.Shadow != nil && look.Control.Shadow.Epoch == seen.Case.Epoch
	switch {
	case compared && seen.Ledger == nil:
		seen.Restarts++
		seen.Case = caseOf(tod, look, seen.Restarts)
	case compared && c.Pace.Turn(tod.UID, collectEvery, c.Clock.Now()):
		c.collect(ctx, look, seen)
	}
	return nil
}

// Ledger reads the kept one, whichever question it answers; nil when there is none, or when it makes no sense.
func (c *Court) Ledger(ctx context.Context, tod *v1alpha1.TryOnDeployment) (*evidence.Ledger, error) {
	config := &corev1.ConfigMap{}
	found, err := apply.Read(ctx, c.Live, tod, names.Evidence(tod.Name), config)
	if err != nil || !found {
		return nil, err
	}
	ledger, _ := evidence.DecodeLedger([]byte(config.Data[evidence.LedgerKey]))
	return ledger, nil
}

// collect asks the stable pods that apply the control document. One that does not answer says nothing for or against the candidate.
func (c *Court) collect(ctx context.Context, look Look, seen *Seen) {
	stable := slices.DeleteFunc(slices.Clone(look.Pods), func(p corev1.Pod) bool {
		return p.Labels[names.LabelModelVersion] != seen.Case.Stable || !servingpod.Ready(&p) || look.Reports[p.UID].Generation != look.Control.Generation
	})
	reports, errs := make([]evidence.Report, len(stable)), make([]error, len(stable))
	controlclient.Each(len(stable), func(i int) {
		reports[i], errs[i] = c.Pods.Evidence(ctx, controlclient.TargetOf(&stable[i]))
	})
	for i := range stable {
		switch err := errs[i]; {
		case errors.Is(err, evidence.ErrInvalid):
			seen.Ledger.Drop(evidence.Invalid)
			seen.Grown = true
		case err != nil:
			ctrl.LoggerFrom(ctx).V(1).Info("Serving pod gives no evidence", "pod", stable[i].Name, "reason", err.Error())
		default:
			changed, drop := seen.Ledger.Take(reports[i], c.Clock.Now())
			seen.Grown = seen.Grown || changed || drop != evidence.Accepted
		}
	}
	if seen.Grown {
		seen.Case.Look(seen.Ledger, c.Clock.Now())
	}
}

// observeReplay looks for Jobs that compare, and adds what the one for the present question counted to the ledger, once.
func (c *Court) observeReplay(ctx context.Context, tod *v1alpha1.TryOnDeployment, look Look, seen *Seen) error {
	var question serving.Replay
	var stable *v1alpha1.TryOnModelVersion
	if s := seen.Case; s != nil {
		question = serving.Replay{Epoch: s.Epoch, LatencyRatio: judge.LatencyRatio(s.Gates), Stable: look.Stable, Candidate: look.Wanted}
		stable = look.Record
	}
	var err error
	if seen.Replay, err = c.Replays.Observe(ctx, tod, question, stable); err == nil && seen.Ledger != nil {
		c.collectReplay(seen)
	}
	return err
}

// collectReplay adds what the replay counted. Its reports are looked at one by one, so that the page of the judgement shows both.
func (c *Court) collectReplay(seen *Seen) {
	// What cannot be read is said as a replay that failed, and is none of the ledger's business.
	reports, _ := seen.Replay.Evidence()
	for _, report := range reports {
		if seen.Ledger.TakeReplay(report, c.Clock.Now()) {
			seen.Grown = true
			seen.Case.Look(seen.Ledger, c.Clock.Now())
		}
	}
}

// restarts is how often the evidence about a candidate was lost before.
func restarts(tod *v1alpha1.TryOnDeployment, candidate string) int32 {
	if j := tod.Status.Judgement; j != nil && j.Candidate == candidate && j.Restarts != nil {
		return *j.Restarts
	}
	return 0
}

// caseOf is the question that the spec asks about the wanted version; nil when it asks none.
func caseOf(tod *v1alpha1.TryOnDeployment, look Look, restarts int32) *judge.Case {
	steps, wanted, stable := tod.Spec.Rollout.Steps, look.Wanted.Name, look.Stable.Name
	if len(steps) == 0 || steps[0].Weight > 0 || wanted == "" || stable == "" || wanted == stable {
		return nil
	}
	c := judge.CaseOf(tod, stable, wanted, look.Built, restarts)
	return &c
}
