package judging

import (
	"context"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// Keep writes a ledger; nil is none.
func (c *Court) Keep(ctx context.Context, tod *v1alpha1.TryOnDeployment, ledger *evidence.Ledger) error {
	if ledger == nil {
		return nil
	}
	config, err := serving.MakeEvidence(tod, ledger)
	if err != nil {
		return err
	}
	return c.Applier.Apply(ctx, tod, config)
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
