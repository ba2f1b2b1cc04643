package modelserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
)

const (
	maxGoldenFile = 32 << 20
	goldenTimeout = 2 * time.Minute
)

// errMismatch says that the runtime answers otherwise than the evaluated one did: other weights, another library, a broken machine.
var errMismatch = errors.New("golden request answered otherwise than recorded")

// checkGolden asks the runtime every golden request and compares, one by one and then several at once. The files are read each time: that happens
// once per runtime start.
func (c *Client) checkGolden(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, goldenTimeout)
	defer cancel()
	c.batch.Store(1)
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
	most := c.mostRows()
	var kept []golden.Recorded
	for _, g := range index.Requests {
		recorded, err := c.readGolden(root, g)
		if err == nil {
			err = c.checkRows(ctx, []golden.Recorded{recorded}, index.Tolerance)
		}
		if err != nil {
			return fmt.Errorf("golden request %.40q: %w", g.Name, err)
		}
		if len(kept) < most {
			kept = append(kept, recorded)
		}
	}
	c.batch.Store(int64(c.largestBatch(ctx, most, kept, index.Tolerance)))
	return nil
}

func (c *Client) readGolden(root *os.Root, g golden.Request) (golden.Recorded, error) {
	var planes [6][]byte
	for i, f := range []struct {
		name     string
		channels int
	}{{g.Person, 3}, {g.Garment, 3}, {g.GarmentMask, 1}, {g.Image, 3}, {g.WarpedMask, 1}, {g.CompositeMask, 1}} {
		var err error
		if planes[i], err = readPlanes(root, f.name, c.signature, f.channels); err != nil {
			return golden.Recorded{}, err
		}
	}
	return golden.Recorded{
		Name: g.Name, In: oip.TryOn{Person: planes[0], Garment: planes[1], GarmentMask: planes[2]},
		Out: oip.Result{Image: planes[3], WarpedMask: planes[4], CompositeMask: planes[5]},
	}, nil
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

// readPlanes reads a picture of exactly the model's size as packed pixels of 3 channels or 1.
func readPlanes(root *os.Root, name string, s oip.Signature, channels int) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening %.80q: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, maxGoldenFile))
	if err != nil {
		return nil, fmt.Errorf("reading %.80q: %w", name, err)
	}
	img, _, err := imaging.DecodePhoto(body, imaging.PhotoLimits{})
	if err != nil {
		return nil, fmt.Errorf("reading %.80q: %w", name, err)
	}
	if img.Rect.Dx() != s.Width || img.Rect.Dy() != s.Height {
		return nil, fmt.Errorf("%.80q has %dx%d pixels, the model %dx%d", name, img.Rect.Dx(), img.Rect.Dy(), s.Width, s.Height)
	}
	out := make([]byte, 0, s.Width*s.Height*channels)
	for i := 0; i < len(img.Pix); i += 4 {
		out = append(out, img.Pix[i:i+channels]...)
	}
	return out, nil
}

func largestDifference(a, b []byte) int {
	d := 0
	for i := range a {
		d = max(d, int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return d
}
