package modelserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
)

const (
	watchWhenReady  = 2 * time.Second
	watchWhenBroken = 500 * time.Millisecond
	watchWhenWrong  = 30 * time.Second
)

// errDown says that the runtime gave no sign of life to which golden requests could be sent.
var errDown = errors.New("the runtime is not ready")

// watch knows whether the runtime is up and has answered the golden requests since it last started.
type watch struct {
	mu       sync.Mutex
	err      error
	instance string
	poke     chan struct{}
	// begun and ended count the looks; turned is closed, and replaced, when one ends.
	begun, ended int64
	turned       chan struct{}
	// lost is when the runtime, which had been ready, no longer was; zero while it is, and before it was for the first time.
	lost time.Time
	// missed counts probes without an answer in a row; only the watching goroutine uses it.
	missed int
}

func newWatch() *watch {
	return &watch{err: fmt.Errorf("%w: it was not asked yet", errDown), poke: make(chan struct{}, 1), turned: make(chan struct{})}
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
	switch {
	case err == nil:
		w.lost = time.Time{}
	case w.err == nil:
		w.lost = time.Now()
	}
	w.err, w.instance = err, instance
}

// Ready is nil when the runtime is up and has answered the golden requests since it last started.
func (c *Client) Ready() error {
	_, err := c.watch.state()
	return err
}

// Watch looks at the runtime until ctx ends: every golden request is asked before Ready, and again after each restart.
func (c *Client) Watch(ctx context.Context) {
	wait := watchWhenReady
	for ctx.Err() == nil {
		c.watch.begin()
		wait = pause(c.look(ctx), wait)
		c.watch.end()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-c.watch.poke:
		}
		timer.Stop()
	}
}

// pause is how long to wait after a look with this outcome, last having been waited before it. Wrong weights do not mend themselves, and
// asking golden requests all the time would keep the processor from others.
func pause(err error, last time.Duration) time.Duration {
	switch {
	case err == nil:
		return watchWhenReady
	case errors.Is(err, errMismatch):
		return min(max(2*last, watchWhenBroken), watchWhenWrong)
	}
	return watchWhenBroken
}

func (c *Client) look(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	instance, err := c.protocol.Ready(short)
	if err != nil {
		if oip.CodeOf(err) == oip.CodeDeadline && c.watch.patient() {
			return nil
		}
		c.watch.set(fmt.Errorf("%w: %w", errDown, err), "")
		return err
	}
	c.watch.missed = 0
	known, last := c.watch.state()
	if last == nil && known == instance {
		return nil
	}
	// The same process that failed is asked again and again; meanwhile its last verdict stands, or the reason would come and go.
	if known != instance || errors.Is(last, errDown) {
		c.watch.set(errors.New("the golden requests are being asked"), instance)
	}
	err = c.checkGolden(ctx)
	switch {
	case err == nil:
		c.options.Checked("Passed")
	case errors.Is(err, errMismatch):
		c.options.Checked("Failed")
	default:
		c.options.Checked("Errored")
	}
	c.watch.set(err, instance)
	return err
}
