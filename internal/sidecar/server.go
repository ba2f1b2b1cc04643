package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/catalogue"
)

// Server is a sidecar.
type Server struct {
	options   Options
	signature oip.Signature
	client    *oip.Client
	catalogue *catalogue.Catalogue
	queue     *queue
	activity  *activity
	watch     *watch
	applied   control.Applied
	split     split
	metrics   *metrics
	forwarder *http.Client
	relayer   *http.Client
	inFlight  *semaphore.Weighted
	bodies    *semaphore.Weighted
	pixels    *semaphore.Weighted
}

// New reads the signature and opens the catalogue; nothing is started.
func New(ctx context.Context, o Options) (*Server, error) {
	signature, err := readSignature(o.Weights)
	if err != nil {
		return nil, err
	}
	client, err := oip.NewClient(o.Runtime, oip.Limits{BodyBytes: o.TensorBytes}, nil)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, signature: signature, client: client,
		queue: newQueue(o.Concurrent, o.Waiting), activity: newActivity(), watch: newWatch(),
		forwarder: newForwarder(), relayer: newForwarder(),
		inFlight: semaphore.NewWeighted(int64(o.InFlight)),
		bodies:   semaphore.NewWeighted(o.BodyMemory), pixels: semaphore.NewWeighted(o.PixelMemory),
	}
	s.metrics = newMetrics(s)
	if o.Catalogue != "" {
		if s.catalogue, err = catalogue.Open(ctx, o.Catalogue, catalogue.Options{FileBytes: o.ImageBytes}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func readSignature(dir string) (oip.Signature, error) {
	f, err := os.Open(filepath.Join(dir, "signature.json"))
	if err != nil {
		return oip.Signature{}, fmt.Errorf("opening signature: %w", err)
	}
	defer func() { _ = f.Close() }()
	return oip.ReadSignature(f)
}

// ready is nil when the pod takes traffic: its runtime answered the golden requests, and it is not draining.
func (s *Server) ready() error {
	if s.activity.now() != serving {
		return errors.New("draining")
	}
	return s.able()
}

// able is nil when the runtime answered the golden requests, also while draining.
func (s *Server) able() error {
	_, err := s.watch.state()
	return err
}

// Run serves until ctx ends, then drains.
func Run(ctx context.Context, o Options) error {
	s, err := New(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	listen := net.ListenConfig{}
	front, err := listen.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	ops, err := listen.Listen(ctx, "tcp", o.Ops)
	if err != nil {
		return errors.Join(fmt.Errorf("listening: %w", err), front.Close())
	}
	return s.Serve(ctx, front, ops)
}

func (s *Server) close() {
	if s.catalogue != nil {
		_ = s.catalogue.Close()
	}
}

// Serve serves both listeners until ctx ends, then drains. The background work ends with it.
func (s *Server) Serve(ctx context.Context, front, ops net.Listener) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wait sync.WaitGroup
	defer wait.Wait()
	defer stop()
	wait.Go(func() { s.watchRuntime(background) })
	wait.Go(func() {
		if err := s.watchControl(background); err != nil {
			slog.Error("Control document", "err", err)
		}
	})
	frontServer := harden(s.Handler())
	frontServer.ConnState = newConns(s.options.Connections).track
	opsServer := harden(s.OpsHandler())
	opsServer.ReadTimeout, opsServer.WriteTimeout = 10*time.Second, 30*time.Second
	failed := make(chan error, 2)
	go func() { failed <- frontServer.Serve(front) }()
	go func() { failed <- opsServer.Serve(ops) }()
	slog.Info("Serving", "address", front.Addr().String(), "ops", ops.Addr().String(), "version", s.options.Version)
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serving: %w", err), frontServer.Close(), opsServer.Close())
	case <-ctx.Done():
	}
	return s.drain(context.WithoutCancel(ctx), frontServer, opsServer)
}

// drain turns readiness off at once, serves on until nothing came for the quiet window, and only then closes.
func (s *Server) drain(ctx context.Context, front, ops *http.Server) error {
	slog.Info("Draining", "inFlight", s.activity.count())
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.options.DrainTimeout)
	defer cancel()
	s.activity.drain(ctx, s.options.Quiet)
	// Stragglers on open connections get CodeDraining now; Shutdown waits for replies that are being written.
	closing, cancelClosing := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancelClosing()
	err := front.Shutdown(closing)
	if err != nil {
		err = errors.Join(fmt.Errorf("closing: %w", err), front.Close())
	}
	slog.Info("Drained", "seconds", time.Since(start).Seconds(), "left", s.activity.count())
	return errors.Join(err, ops.Close())
}

func harden(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 90 * time.Second, MaxHeaderBytes: 32 << 10}
}
