package judging

import (
	"context"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/metrics"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// Keep writes the ledger of a look; nil is none. What it has dropped since the last one is counted once it is written.
func (c *Court) Keep(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen Seen, ledger *evidence.Ledger) error {
	if ledger == nil {
		return nil
	}
	config, err := serving.MakeEvidence(tod, ledger)
	if err != nil {
		return err
	}
	if err := c.Applier.Apply(ctx, tod, config); err != nil {
		return err
	}
	for reason, reports := range ledger.Drops {
		metrics.EvidenceDropped(reason, reports-seen.dropped[reason])
	}
	return nil
}

// Replay makes the Job of the present question exist, and no other.
func (c *Court) Replay(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen Seen, next backend.Next) error {
	return c.Replays.Ensure(ctx, tod, seen.Replay, next)
}

// Clear takes away what replays have left.
func (c *Court) Clear(ctx context.Context, tod *v1alpha1.TryOnDeployment, seen Seen) error {
	if seen.Replay == nil {
		return nil
	}
	return c.Replays.Clear(ctx, tod, seen.Replay)
}
