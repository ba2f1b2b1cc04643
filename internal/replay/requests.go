package replay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/compare"
	"github.com/braincreators/tryon-operator/internal/evaluate"
	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/task"
)

// readSignature reads what a version's model takes and gives.
func readSignature(weights string) (oip.Signature, error) {
	f, err := os.Open(filepath.Join(weights, "signature.json"))
	if err != nil {
		return oip.Signature{}, fmt.Errorf("opening signature: %w", err)
	}
	defer func() { _ = f.Close() }()
	return oip.ReadSignature(f)
}

// outcome is what both versions made of a request.
type outcome struct {
	stable, candidate compare.Answer
	// pair is nil when the answers could not be compared.
	pair *compare.Pair
}

// putter puts a request to both versions. Its error ends the replay.
type putter func(context.Context, oip.TryOn) (*outcome, error)

// known are the requests of a replay, each once.
type known struct {
	t         task.Replay
	log       io.Writer
	signature oip.Signature
	seen      map[[sha256.Size]byte]bool
}

// each gives every request to put, at the stable version's resolution. A golden set of another resolution, or a broken one, is the
// candidate's to have: its pod will not get ready.
func (k *known) each(ctx context.Context, put putter) error {
	for _, weights := range []string{k.t.Stable.Weights, k.t.Candidate.Weights} {
		err := k.recorded(ctx, filepath.Join(weights, "golden"), put)
		if errors.Is(err, golden.ErrBadSet) && weights == k.t.Candidate.Weights {
			continue
		}
		if err != nil {
			return err
		}
	}
	if err := k.captured(ctx, put); err != nil {
		return err
	}
	return k.testSplit(ctx, put)
}

// recorded puts the requests of a golden set.
func (k *known) recorded(ctx context.Context, dir string, put putter) error {
	set, err := golden.Open(dir)
	if err != nil {
		return because(ReasonRequestsUnavailable, err)
	}
	defer func() { _ = set.Close() }()
	if set.Signature != k.signature {
		return because(ReasonRequestsUnavailable, fmt.Errorf("%w: it has another resolution than the model", golden.ErrBadSet))
	}
	for i := range set.Index.Requests {
		r, err := set.Read(i)
		if err != nil {
			return because(ReasonRequestsUnavailable, err)
		}
		if _, err := k.once(ctx, r.In, put); err != nil {
			return err
		}
	}
	return nil
}

func (k *known) testSplit(ctx context.Context, put putter) error {
	store, err := artefact.Open(ctx, k.t.Store)
	if err != nil {
		return because(ReasonRequestsUnavailable, err)
	}
	defer func() { _ = store.Close() }()
	split, err := evaluate.OpenRequests(ctx, store, k.t.Source.URI, k.t.Digest, k.signature)
	if err != nil {
		return because(ReasonRequestsUnavailable, err)
	}
	defer split.Close()
	for i := range split.Len() {
		_, in, err := split.Read(ctx, i)
		if err != nil {
			return because(ReasonRequestsUnavailable, err)
		}
		if _, err := k.once(ctx, in, put); err != nil {
			return err
		}
	}
	return nil
}

// once puts a request that was not put before; nil comes of any other.
func (k *known) once(ctx context.Context, in oip.TryOn, put putter) (*outcome, error) {
	h := sha256.New()
	for _, tensor := range [][]byte{in.Person, in.Garment, in.GarmentMask} {
		_, _ = h.Write(tensor)
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	if k.seen[sum] {
		return nil, nil
	}
	k.seen[sum] = true
	return put(ctx, in)
}
