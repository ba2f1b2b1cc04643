package modelserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/braincreators/tryon-operator/internal/golden"
)

const goldenTimeout = 2 * time.Minute

// errMismatch says that the runtime answers otherwise than the evaluated one did: other weights, another library, a broken machine.
var errMismatch = errors.New("golden request answered otherwise than recorded")

// checkGolden asks the runtime every golden request and compares. The files are read each time: that happens once per runtime start.
func (c *Client) checkGolden(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, goldenTimeout)
	defer cancel()
	dir := filepath.Join(c.options.Weights, "golden")
	index, err := golden.Check(dir, c.signature)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening golden requests: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, g := range index.Requests {
		if err := c.checkOne(ctx, root, g, index.Tolerance); err != nil {
			return fmt.Errorf("golden request %.40q: %w", g.Name, err)
		}
	}
	return nil
}

func (c *Client) checkOne(ctx context.Context, root *os.Root, g golden.Request, tolerance int) error {
	want, err := g.Read(root, c.signature)
	if err != nil {
		return err
	}
	out, err := c.protocol.TryOn(ctx, c.signature, 1, want.In)
	if err != nil {
		return fmt.Errorf("asking runtime: %w", err)
	}
	for name, pair := range map[string][2][]byte{
		"image": {want.Out.Image, out.Image}, "warped mask": {want.Out.WarpedMask, out.WarpedMask}, "composite mask": {want.Out.CompositeMask, out.CompositeMask},
	} {
		if d := largestDifference(pair[0], pair[1]); d > tolerance {
			return fmt.Errorf("%w: the %s differs by %d levels, %d are allowed", errMismatch, name, d, tolerance)
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
