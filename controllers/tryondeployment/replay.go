package tryondeployment

import (
	"context"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/replayjob"
	"github.com/braincreators/tryon-operator/internal/serving"
)

func (r *Reconciler) replays() *replayjob.Jobs {
	return &replayjob.Jobs{Client: r.Client, Run: r.Runner, Serving: r.Serving}
}

// observeReplay looks for Jobs that compare, and adds what the one for the present question counted to the ledger, once.
func (r *Reconciler) observeReplay(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed) error {
	var question serving.Replay
	var stable *v1alpha1.TryOnModelVersion
	if c := seen.Case; c != nil {
		question = serving.Replay{
			Epoch: c.Epoch, LatencyRatio: judge.LatencyRatio(c.Gates),
			Stable:    serving.Version{Name: c.Stable, Weights: weightsOf(seen, obj.Name, c.Stable)},
			Candidate: serving.Version{Name: c.Candidate, Weights: weightsOf(seen, obj.Name, c.Candidate)},
		}
		stable = newest(seen.Versions, func(v *v1alpha1.TryOnModelVersion) bool { return v.Name == c.Stable })
	}
	var err error
	if seen.Replay, err = r.replays().Observe(ctx, obj, question, stable); err == nil && seen.Ledger != nil {
		r.collectReplay(ctx, seen)
	}
	return err
}

// collectReplay adds what the replay counted. Its reports are looked at one by one, so that the page of the judgement shows both.
func (r *Reconciler) collectReplay(ctx context.Context, seen *Observed) {
	// What cannot be read is said as a replay that failed, and is none of the ledger's business.
	reports, _ := seen.Replay.Evidence()
	for _, report := range reports {
		if !seen.Ledger.Knows(report.Instance, report.Sequence) {
			r.take(ctx, seen, "of the replay", report, nil)
			seen.Case.Look(seen.Ledger, r.Clock.Now())
		}
	}
}

// replay starts the Job that the plan asks for, or clears away those that it does not.
func (p *pass) replay(ctx context.Context, plan Plan) error {
	switch {
	case plan.Replay:
		return p.replays().Ensure(ctx, p.obj, p.seen.Replay, plan.Next)
	case p.seen.Replay != nil && len(p.seen.Replay.Runs) > 0:
		return p.replays().Clear(ctx, p.obj, p.seen.Replay)
	}
	return nil
}
