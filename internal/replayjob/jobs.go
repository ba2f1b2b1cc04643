package replayjob

import (
	"context"
	"fmt"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// Jobs reads and writes the Jobs of replays.
type Jobs struct {
	client.Client
	Run     *runner.Runner
	Serving serving.Config
}

// Seen is what one look found.
type Seen struct {
	// Runs are all Jobs that replay for the object, also those of earlier questions.
	Runs []backend.Run
	// Policy is the NetworkPolicy of their pods, which outlives a Job that has gone by its time to live; nil when there is none of ours.
	Policy *networkingv1.NetworkPolicy
	// Replay is the question that is put; its Dataset is empty when Missing says why it cannot be read.
	Replay  serving.Replay
	Missing string
}

// Observe looks for the replay that answers a question about two versions.
func (j *Jobs) Observe(ctx context.Context, tod *v1alpha1.TryOnDeployment, replay serving.Replay, stable *v1alpha1.TryOnModelVersion) (*Seen, error) {
	seen := &Seen{Replay: replay}
	var err error
	if seen.Runs, err = j.Run.Jobs(ctx, tod, client.MatchingLabels(serving.ReplaySelector(tod.Name))); err != nil {
		return nil, err
	}
	if seen.Policy, err = j.policy(ctx, tod); err != nil {
		return nil, err
	}
	if stable == nil {
		seen.Missing = fmt.Sprintf("the record of %s is gone, and with it the name of its dataset", replay.Stable.Name)
		return seen, nil
	}
	name := stable.Spec.Dataset.Name
	dataset := &v1alpha1.TryOnDatasetVersion{}
	switch err := j.Get(ctx, client.ObjectKey{Namespace: tod.Namespace, Name: name}, dataset); {
	case client.IgnoreNotFound(err) != nil:
		return nil, fmt.Errorf("reading TryOnDatasetVersion %s: %w", name, err)
	case err != nil:
		seen.Missing = fmt.Sprintf("the dataset %s of %s is gone", name, replay.Stable.Name)
	default:
		seen.Replay.Dataset = dataset.Spec
	}
	return seen, nil
}

func (j *Jobs) policy(ctx context.Context, tod *v1alpha1.TryOnDeployment) (*networkingv1.NetworkPolicy, error) {
	policy := &networkingv1.NetworkPolicy{}
	err := j.Get(ctx, client.ObjectKeyFromObject(serving.MakeReplayPolicy(tod)), policy)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return nil, fmt.Errorf("reading NetworkPolicy of a replay: %w", err)
	case err != nil || !metav1.IsControlledBy(policy, tod):
		policy = nil
	}
	return policy, nil
}

// Evidence gives what the replay counted, in the order in which it has to be taken; none when it has not reported. Errors wrap
// evidence.ErrInvalid.
func (s *Seen) Evidence() ([]evidence.Report, error) {
	for i := range s.Runs {
		run := &s.Runs[i]
		if run.Key != s.Replay.Key() || run.State != backend.Reported {
			continue
		}
		var summary report.ReplaySummary
		if err := run.Report.Into(report.KindReplay, &summary); err != nil {
			return nil, fmt.Errorf("%w: %w", evidence.ErrInvalid, err)
		}
		reports, err := evidence.Unpack(summary.Evidence)
		if err != nil {
			return nil, err
		}
		for _, r := range reports {
			if r.Instance != evidence.ReplayInstance(s.Replay.Epoch) {
				return nil, fmt.Errorf("%w: instance %s is none of this replay", evidence.ErrInvalid, r.Instance)
			}
		}
		return reports, nil
	}
	return nil, nil
}

// Taken says whether a ledger has all that the replay counted; when its Job is gone, it was cleared away after that.
func (s *Seen) Taken(ledger *evidence.Ledger) bool {
	last := int64(1)
	if reports, err := s.Evidence(); err == nil && len(reports) > 0 {
		last = reports[len(reports)-1].Sequence
	}
	return ledger != nil && ledger.Epoch == s.Replay.Epoch && ledger.Knows(evidence.ReplayInstance(s.Replay.Epoch), last)
}

// Stand says how the replay stands, and what is next about its Job; nothing when nobody has looked.
func (s *Seen) Stand(ledger *evidence.Ledger, now time.Time) (rollout.Replay, backend.Next) {
	if s == nil {
		return rollout.Replay{}, backend.Next{}
	}
	next := backend.Decide(s.Runs, s.Replay.Key(), "", now)
	switch reports, err := s.Evidence(); {
	case s.Taken(ledger):
		return rollout.Replay{State: rollout.ReplayDone}, next
	case err != nil:
		return refused(rollout.ReplayRefused, evidence.Invalid, err.Error()+"; "+sameRelease), next
	case next.Errored:
		return rollout.Replay{State: rollout.ReplayFailed, Message: next.Message}, next
	case s.Missing != "" && len(reports) == 0:
		return rollout.Replay{State: rollout.ReplayFailed, Message: s.Missing}, next
	case next.Run == nil:
		return rollout.Replay{}, next
	case len(reports) > 0:
		return s.untaken(ledger, reports[len(reports)-1], now), next
	}
	return rollout.Replay{State: rollout.ReplayRunning, Message: next.Run.Trouble.Message}, next
}

// untaken says why a ledger lacks what the replay counted last. Without a ledger, or with one that would have it, the next look takes it.
func (s *Seen) untaken(ledger *evidence.Ledger, last evidence.Report, now time.Time) rollout.Replay {
	if ledger == nil || ledger.Epoch != s.Replay.Epoch {
		return rollout.Replay{State: rollout.ReplayRunning}
	}
	switch reason := ledger.Refusal(last, now); reason {
	case evidence.Accepted:
		return rollout.Replay{State: rollout.ReplayRunning}
	case evidence.TooFast, evidence.Full:
		return rollout.Replay{State: rollout.ReplayRunning, Message: fmt.Sprintf("its evidence cannot be taken yet (%s): %s", reason, reason.Words())}
	case evidence.FromFuture:
		return refused(rollout.ReplayFailed, reason, fmt.Sprintf("%s; set the clocks of the nodes, it is taken when its time of %s has come",
			reason.Words(), last.TakenAt.UTC().Format(time.RFC3339)))
	default:
		return refused(rollout.ReplayRefused, reason, reason.Words()+"; "+sameRelease)
	}
}

// sameRelease is what a person can look at where a worker says what the operator cannot use.
const sameRelease = "see that the worker's image is of the operator's release"

// refused is a replay whose evidence is not taken, with the reason that the ledger counts.
func refused(state rollout.ReplayState, reason evidence.Reason, why string) rollout.Replay {
	return rollout.Replay{State: state, Message: podwatch.Cut(fmt.Sprintf("its evidence was refused (%s): %s", reason, why))}
}

// Ensure makes the Job of the replay exist, where it is not there and its time has come, and no other.
func (j *Jobs) Ensure(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen, next backend.Next) error {
	for _, run := range seen.Runs {
		if run.Key != seen.Replay.Key() {
			if err := j.Run.Stop(ctx, tod.Namespace, run); err != nil {
				return err
			}
		}
	}
	if seen.Missing != "" || (next.Start == nil && !next.Unbegun) {
		return nil
	}
	attempt := next.Start
	if attempt == nil {
		attempt = &next.Run.Attempt
	}
	job, err := j.Serving.MakeReplay(tod, seen.Replay, *attempt)
	if err != nil {
		return fmt.Errorf("making replay: %w", err)
	}
	if next.Start == nil {
		return j.Run.Renew(ctx, *next.Run, job)
	}
	if err := j.Run.Applier.Apply(ctx, tod, serving.MakeReplayPolicy(tod)); err != nil {
		return err
	}
	return j.Run.Start(ctx, tod, job)
}

// Clear deletes what was seen of replays: their Jobs, with their pods, and their NetworkPolicy.
func (j *Jobs) Clear(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen *Seen) error {
	for _, run := range seen.Runs {
		if err := j.Run.Stop(ctx, tod.Namespace, run); err != nil {
			return err
		}
	}
	if seen.Policy == nil {
		return nil
	}
	if err := j.Delete(ctx, seen.Policy, client.Preconditions{UID: &seen.Policy.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting NetworkPolicy of a replay: %w", err)
	}
	return nil
}
