package modelserver

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
)

const goldenTimeout = 2 * time.Minute

// errMismatch says that the runtime answers otherwise than the evaluated one did: other weights, another library, a broken machine.
var errMismatch = errors.New("golden request answered otherwise than recorded")

// checkGolden asks the runtime every golden request and compares, one by one and then several at once. The files are read each time: that happens
// once per runtime start.
func (c *Client) checkGolden(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, goldenTimeout)
	defer cancel()
	c.batch.Store(1)
	dir := filepath.Join(c.options.Weights, "golden")
	if _, err := golden.Check(dir, c.signature); err != nil {
		return err
	}
	set, err := golden.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = set.Close() }()
	most := c.mostRows()
	var kept []golden.Recorded
	for i, g := range set.Index.Requests {
		recorded, err := set.Read(i)
		if err != nil {
			return err
		}
		if err := c.checkRows(ctx, []golden.Recorded{recorded}, set.Index.Tolerance); err != nil {
			return fmt.Errorf("golden request %.40q: %w", g.Name, err)
		}
		if len(kept) < most {
			kept = append(kept, recorded)
		}
	}
	c.batch.Store(int64(c.largestBatch(ctx, most, kept, set.Index.Tolerance)))
	return nil
}

// checkRows asks for all at once and compares each answer with its recorded one.
func (c *Client) checkRows(ctx context.Context, recorded []golden.Recorded, tolerance int) error {
	rows := make([]oip.TryOn, 0, len(recorded))
	for _, r := range recorded {
		rows = append(rows, r.In)
	}
	start := time.Now()
	all, err := c.protocol.TryOn(ctx, c.signature, len(rows), stack(rows))
	if err != nil {
		return fmt.Errorf("asking runtime: %w", err)
	}
	c.options.Ran(len(rows), time.Since(start))
	for i, out := range unstack(all, len(rows)) {
		want := recorded[i].Out
		for name, pair := range map[string][2][]byte{
			"image": {want.Image, out.Image}, "warped mask": {want.WarpedMask, out.WarpedMask}, "composite mask": {want.CompositeMask, out.CompositeMask},
		} {
			if d := largestDifference(pair[0], pair[1]); d > tolerance {
				return fmt.Errorf("%w: the %s differs by %d levels, %d are allowed", errMismatch, name, d, tolerance)
			}
		}
	}
	return nil
}

func largestDifference(a, b []byte) int {
	d := 0
	for i := range a {
		d = max(d, int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return d
}
