package catalogue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gocloud.dev/gcerrors"

	"github.com/braincreators/tryon-operator/internal/bucket"
)

// ErrEmpty says that there is not one garment where the catalogue should be.
var ErrEmpty = errors.New("it holds no garment: the folder or prefix is empty or does not exist, or its files are not called <id>.png or <id>.jpg")

// How often Watch looks, and how long one look may take. Nobody tells when a bucket becomes readable.
const (
	lookFine    = 5 * time.Minute
	lookTrouble = 15 * time.Second
	lookBound   = 10 * time.Second
)

// maxWords bounds what is said of trouble, in bytes.
const maxWords = 1024

// maxPeeked bounds the names that one look reads; where so many are no garments, later ones may be.
const maxPeeked = 10_000

// Watch looks until ctx ends whether garments can be read, and says so in Trouble.
func (c *Catalogue) Watch(ctx context.Context) {
	for {
		wait := lookFine
		err := c.Check(ctx)
		if ctx.Err() != nil {
			return
		}
		words := ""
		if err != nil {
			wait, words = lookTrouble, err.Error()
			words = strings.ToValidUTF8(words[:min(len(words), maxWords)], "")
		}
		if before := c.trouble.Swap(&words); (before == nil && words != "") || (before != nil && *before != words) {
			slog.Info("Looked whether the catalogue can be read", "trouble", words)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Trouble is why garments could not be read at the last look; empty when they could. Before the first, looked is false.
func (c *Catalogue) Trouble() (words string, looked bool) {
	if last := c.trouble.Load(); last != nil {
		return *last, true
	}
	return "", false
}

// Check tells whether there are garments to read. Credentials that may read objects and not list them cannot be told from such that may
// do neither, so they count as good.
func (c *Catalogue) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookBound)
	defer cancel()
	found, seen := false, 0
	err := c.shelf.peek(ctx, func(name string) bool {
		seen++
		found = isPicture(name) || seen == maxPeeked
		return found
	})
	switch {
	case gcerrors.Code(err) == gcerrors.PermissionDenied:
		return nil
	case err != nil:
		return fmt.Errorf("looking into the catalogue: %w", bucket.Plain(err))
	case !found:
		return fmt.Errorf("looking into the catalogue: %w", ErrEmpty)
	}
	return nil
}

func isPicture(name string) bool {
	for _, ext := range extensions {
		if id, ok := strings.CutSuffix(name, ext); ok && garmentID.MatchString(id) {
			return true
		}
	}
	return false
}
