package judging

import (
	"time"

	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// Standing is how a judgement stands.
type Standing struct {
	// Judgement for the status; nil when there is none.
	Judgement *v1alpha1.JudgementStatus
	// Epoch names the question; empty when none is put. Verdict and Replay are facts of the rollout.
	Epoch   string
	Verdict rollout.Verdict
	Replay  rollout.Replay
	// Next is what is next about the Job of a replay.
	Next backend.Next
}

// Decide judges what was found.
func Decide(tod *v1alpha1.TryOnDeployment, seen Seen, now time.Time) Standing {
	var s Standing
	if seen.Case != nil {
		s.Epoch, s.Judgement = seen.Case.Epoch, judgementOf(tod, seen, now)
	}
	if j := s.Judgement; j != nil {
		s.Verdict = rollout.Verdict{Epoch: j.Epoch, Outcome: sequential.Verdict(j.Verdict), Rule: j.Rule}
	}
	s.Replay, s.Next = seen.Replay.Stand(seen.Ledger, now)
	return s
}

// judgementOf summarizes the evidence. One that was collected anew says so.
func judgementOf(tod *v1alpha1.TryOnDeployment, seen Seen, now time.Time) *v1alpha1.JudgementStatus {
	judgement := seen.Case.Summarize(seen.Ledger, tod.Status.Judgement, now)
	if judgement == nil && seen.Restarts > 0 {
		judgement = &v1alpha1.JudgementStatus{
			Epoch: seen.Case.Epoch, Candidate: seen.Case.Candidate, Verdict: v1alpha1.LiveVerdict(sequential.KeepCollecting),
			Rule: "the evidence was lost and is collected anew",
		}
	}
	if judgement != nil && seen.Restarts > 0 {
		judgement.Restarts = ptr.To(seen.Restarts)
	}
	return judgement
}

// LedgerFor is the ledger that has to be kept before a plan is carried out; nil when the kept one is right. It is opened before the pods
// are told to compare, so that nothing can have been counted before.
func (s Seen) LedgerFor(plan rollout.Plan, now time.Time) *evidence.Ledger {
	switch {
	case s.Grown:
		return s.Ledger
	case (plan.Shadow == 0 && !plan.Replay) || s.Case == nil || s.Case.Candidate != plan.Candidate || s.Ledger != nil:
		return nil
	}
	// A case that no ledger can be opened for has no control document either, and that error is told.
	ledger, _ := s.Case.Open(now)
	return ledger
}
