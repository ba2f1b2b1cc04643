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
	var planes [6][]byte
	for i, f := range []struct {
		name     string
		channels int
	}{{g.Person, 3}, {g.Garment, 3}, {g.GarmentMask, 1}, {g.Image, 3}, {g.WarpedMask, 1}, {g.CompositeMask, 1}} {
		var err error
		if planes[i], err = readPlanes(root, f.name, c.signature, f.channels); err != nil {
			return err
		}
	}
	out, err := c.protocol.TryOn(ctx, c.signature, 1, oip.TryOn{Person: planes[0], Garment: planes[1], GarmentMask: planes[2]})
	if err != nil {
		return fmt.Errorf("asking runtime: %w", err)
	}
	for name, pair := range map[string][2][]byte{
		"image": {planes[3], out.Image}, "warped mask": {planes[4], out.WarpedMask}, "composite mask": {planes[5], out.CompositeMask},
	} {
		if d := largestDifference(pair[0], pair[1]); d > tolerance {
			return fmt.Errorf("%w: the %s differs by %d levels, %d are allowed", errMismatch, name, d, tolerance)
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
