package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/braincreators/tryon-operator/internal/control"
)

// rereadEvery is a net below the file events: some volumes have none.
const rereadEvery = 15 * time.Second

// watchControl keeps the control file in force until ctx ends. The folder is watched, not the file: a ConfigMap volume swaps a link beside it.
func (s *Server) watchControl(ctx context.Context) error {
	if s.options.Control == "" {
		return nil
	}
	// Without a watch the document is still read again every rereadEvery.
	var changed <-chan fsnotify.Event
	var faults <-chan error
	if watcher, err := watchFolder(filepath.Dir(s.options.Control)); err != nil {
		slog.Warn("Watching control document", "err", err)
	} else {
		defer func() { _ = watcher.Close() }()
		changed, faults = watcher.Events, watcher.Errors
	}
	ticker := time.NewTicker(rereadEvery)
	defer ticker.Stop()
	for {
		s.readControl()
		select {
		case <-ctx.Done():
			return nil
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

// readControl applies the file. What cannot be read or is refused leaves the document in force as it is.
func (s *Server) readControl() {
	f, err := os.Open(s.options.Control)
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
		changed, err = s.applied.Apply(doc)
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

// putControl takes a signed push.
func (s *Server) putControl(w http.ResponseWriter, r *http.Request) error {
	body, err := s.readBody(w, r, control.MaxBytes)
	if err != nil {
		return err
	}
	if err := control.Verify(r.Header, s.options.PublicKey, s.options.PodUID, time.Now(), body); err != nil {
		return because(CodeUnauthorized, err, "%s.", err.Error())
	}
	doc, err := control.Decode(body)
	if err != nil {
		return because(CodeBadRequest, err, "%.200s.", err.Error())
	}
	changed, err := s.applied.Apply(doc)
	if err != nil {
		return because(CodeStale, err, "%s.", err.Error())
	}
	if changed {
		slog.Info("Applied control document", "generation", doc.Generation, "source", "push")
	}
	return s.getControl(w, r)
}

func (s *Server) getControl(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, s.Status())
}

// Status says what the pod does now.
func (s *Server) Status() control.Status {
	s.metrics.mu.Lock()
	defer s.metrics.mu.Unlock()
	return control.Status{
		Schema: control.StatusSchema, Generation: s.applied.Current().Generation, Version: s.options.Version,
		Ready: s.ready() == nil, InFlight: int64(s.activity.count()), Served: s.metrics.served,
		Forwarded: maps.Clone(s.metrics.forwarded), Errors: maps.Clone(s.metrics.errors),
	}
}

// OpsHandler serves metrics, probes and control.
func (s *Server) OpsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /control", s.ops(s.getControl))
	mux.HandleFunc("PUT /control", s.ops(s.putControl))
	return mux
}

// ops answers without counting the request as activity: a drain must not wait for the operator's own questions.
func (s *Server) ops(handle func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			p := problemOf(err)
			s.metrics.requests.WithLabelValues(routeControl, string(p.Code)).Inc()
			p.write(w)
		}
	}
}
