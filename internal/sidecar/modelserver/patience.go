package modelserver

import (
	"context"
	"errors"
	"time"
)

// Await is nil when the runtime is ready, now or soon: one that was ready and has gone is waited for, as long as a restart may take. Whoever asks
// meanwhile is served late instead of not at all; a pod has been taken out of its Service before that ends, so that few come.
func (c *Client) Await(ctx context.Context) error { return c.watch.await(ctx, 0, c.options.Patience) }

// Return waits like Await after the runtime did not answer: only what is seen of it from now on counts.
func (c *Client) Return(ctx context.Context) error {
	return c.watch.await(ctx, c.watch.next(), c.options.Patience)
}

func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun++
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended++
	close(w.turned)
	w.turned = make(chan struct{})
}

// next asks for a look and gives its number: one that is under way may have seen what is no longer so.
func (w *watch) next() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake()
	return w.begun + 1
}

// await gives what a look of this number or a later one says of the runtime, and waits while it may be on its way back.
func (w *watch) await(ctx context.Context, look int64, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		final, turned, err := w.said(look, patience)
		if final {
			return err
		}
		select {
		case <-turned:
		case <-ctx.Done():
			if err == nil {
				err = errDown
			}
			return err
		}
	}
}

// said is what is known of the runtime, and whether that is final; else something else may be known when turned is closed.
func (w *watch) said(look int64, patience time.Duration) (final bool, turned <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.ended < look:
	case w.err == nil, w.lost.IsZero(), time.Since(w.lost) >= patience, errors.Is(w.err, errMismatch):
		final = true
	}
	return final, w.turned, w.err
}
