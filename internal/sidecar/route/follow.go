package route

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/braincreators/tryon-operator/internal/control"
)

// rereadEvery is a net below the file events: some volumes have none.
const rereadEvery = 15 * time.Second

// Follow keeps a control file in force until ctx ends. The folder is watched, not the file: a ConfigMap volume swaps a link beside it.
func (r *Router) Follow(ctx context.Context, file string) {
	// Without a watch the document is still read again every rereadEvery.
	var changed <-chan fsnotify.Event
	var faults <-chan error
	if watcher, err := watchFolder(filepath.Dir(file)); err != nil {
		slog.Warn("Watching control document", "err", err)
	} else {
		defer func() { _ = watcher.Close() }()
		changed, faults = watcher.Events, watcher.Errors
	}
	ticker := time.NewTicker(rereadEvery)
	defer ticker.Stop()
	for {
		r.read(file)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case err := <-faults:
			slog.Warn("Watching control document", "err", err)
		case <-ticker.C:
		}
	}
}

func watchFolder(dir string) (*fsnotify.Watcher, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("making watcher: %w", err)
	}
	if err := watcher.Add(dir); err != nil {
		_ = watcher.Close()
		return nil, fmt.Errorf("watching %s: %w", dir, err)
	}
	return watcher, nil
}

// read applies the file. What cannot be read or is refused leaves the document in force as it is.
func (r *Router) read(file string) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var body []byte
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(f, control.MaxBytes+1))
		_ = f.Close()
	}
	var doc control.Document
	if err == nil {
		doc, err = control.Decode(body)
	}
	changed := false
	if err == nil {
		changed, err = r.applied.Apply(doc)
	}
	switch {
	case errors.Is(err, control.ErrStale):
		// A push was faster than the kubelet; the file will follow.
	case err != nil:
		slog.Error("Reading control document", "err", err)
	case changed:
		slog.Info("Applied control document", "generation", doc.Generation, "source", "file")
	}
}
