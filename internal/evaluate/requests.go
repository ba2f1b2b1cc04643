package evaluate

import (
	"context"
	"fmt"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/oip"
)

// Requests are the try-ons of a pinned dataset's test split, as an evaluation puts them to a runtime.
type Requests struct {
	source    dataset.Source
	plan      plan
	signature oip.Signature
}

// OpenRequests finds the requests of a pinned dataset at a model's resolution; uri is where the dataset lies.
func OpenRequests(ctx context.Context, store *artefact.Store, uri, digest string, s oip.Signature) (*Requests, error) {
	m, err := dataset.ReadManifest(ctx, store, digest)
	if err != nil {
		return nil, err
	}
	p, err := makePlan(m, 0)
	if err != nil {
		return nil, err
	}
	source, err := dataset.OpenSource(ctx, uri)
	if err != nil {
		return nil, err
	}
	return &Requests{source: source, plan: p, signature: s}, nil
}

// Close closes the dataset.
func (r *Requests) Close() { _ = r.source.Close() }

// Len is how many there are.
func (r *Requests) Len() int { return len(r.plan.cases) }

// Read reads the i-th request and verifies it against the pinned digest.
func (r *Requests) Read(ctx context.Context, i int) (name string, in oip.TryOn, err error) {
	c := r.plan.cases[i]
	p, err := load(ctx, r.source, c, r.signature)
	if err != nil {
		return c.name, oip.TryOn{}, fmt.Errorf("case %s: %w", c.name, err)
	}
	return c.name, p.request(), nil
}
