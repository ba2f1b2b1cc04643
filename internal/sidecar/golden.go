package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
)

const (
	maxGoldenFile   = 32 << 20
	goldenTimeout   = 2 * time.Minute
	watchWhenReady  = 2 * time.Second
	watchWhenBroken = 500 * time.Millisecond
)

// errMismatch says that the runtime answers otherwise than the evaluated one did: other weights, another library, a broken machine.
var errMismatch = errors.New("golden request answered otherwise than recorded")

// errDown says that the runtime gave no sign of life to which golden requests could be sent.
var errDown = errors.New("the runtime is not ready")

// checkGolden asks the runtime every golden request and compares. The files are read each time: that happens once per runtime start.
func (s *Server) checkGolden(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, goldenTimeout)
	defer cancel()
	dir := filepath.Join(s.options.Weights, "golden")
	index, err := golden.Check(dir, s.signature)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening golden requests: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, g := range index.Requests {
		if err := s.checkOne(ctx, root, g, index.Tolerance); err != nil {
			return fmt.Errorf("golden request %.40q: %w", g.Name, err)
		}
	}
	return nil
}

func (s *Server) checkOne(ctx context.Context, root *os.Root, g golden.Request, tolerance int) error {
	var planes [6][]byte
	for i, f := range []struct {
		name     string
		channels int
	}{{g.Person, 3}, {g.Garment, 3}, {g.GarmentMask, 1}, {g.Image, 3}, {g.WarpedMask, 1}, {g.CompositeMask, 1}} {
		var err error
		if planes[i], err = readPlanes(root, f.name, s.signature, f.channels); err != nil {
			return err
		}
	}
	out, err := s.client.TryOn(ctx, s.signature, 1, oip.TryOn{Person: planes[0], Garment: planes[1], GarmentMask: planes[2]})
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

// watch knows whether the runtime is up and has answered the golden requests since it last started.
type watch struct {
	mu       sync.Mutex
	err      error
	instance string
	poke     chan struct{}
	// missed counts probes without an answer in a row; only the watching goroutine uses it.
	missed int
}

func newWatch() *watch {
	return &watch{err: fmt.Errorf("%w: it was not asked yet", errDown), poke: make(chan struct{}, 1)}
}

// wake asks for a look at the runtime now.
func (w *watch) wake() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

func (w *watch) state() (instance string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.instance, w.err
}

// patient tells whether a probe that got no answer in time is overlooked: a busy machine answers late, a dead one refuses. The third counts.
func (w *watch) patient() bool {
	w.missed++
	_, err := w.state()
	return err == nil && w.missed < 3
}

func (w *watch) set(err error, instance string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if (err == nil) != (w.err == nil) {
		slog.Info("Readiness of the runtime", "ready", err == nil, "err", err)
	}
	w.err, w.instance = err, instance
}

// watchRuntime looks at the runtime until ctx ends: every golden request is asked before Ready, and again after each restart.
func (s *Server) watchRuntime(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.lookAtRuntime(ctx)
		wait := watchWhenReady
		if err != nil {
			wait = watchWhenBroken
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.watch.poke:
		}
		timer.Stop()
	}
}

func (s *Server) lookAtRuntime(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	instance, err := s.client.Ready(short)
	if err != nil {
		if oip.CodeOf(err) == oip.CodeDeadline && s.watch.patient() {
			return nil
		}
		s.watch.set(fmt.Errorf("%w: %w", errDown, err), "")
		return err
	}
	s.watch.missed = 0
	known, last := s.watch.state()
	if last == nil && known == instance {
		return nil
	}
	// The same process that failed is asked again and again; meanwhile its last verdict stands, or the reason would come and go.
	if known != instance || errors.Is(last, errDown) {
		s.watch.set(errors.New("the golden requests are being asked"), instance)
	}
	err = s.checkGolden(ctx)
	switch {
	case err == nil:
		s.metrics.golden.WithLabelValues("Passed").Inc()
	case errors.Is(err, errMismatch):
		s.metrics.golden.WithLabelValues("Failed").Inc()
	default:
		s.metrics.golden.WithLabelValues("Errored").Inc()
	}
	s.watch.set(err, instance)
	return err
}
