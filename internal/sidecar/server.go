package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/scale/predict"
	"github.com/braincreators/tryon-operator/internal/sidecar/batch"
	"github.com/braincreators/tryon-operator/internal/sidecar/catalogue"
	"github.com/braincreators/tryon-operator/internal/sidecar/intake"
	"github.com/braincreators/tryon-operator/internal/sidecar/metrics"
	"github.com/braincreators/tryon-operator/internal/sidecar/modelserver"
	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/queue"
	"github.com/braincreators/tryon-operator/internal/sidecar/recorder"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
	"github.com/braincreators/tryon-operator/internal/sidecar/shadow"
)

// Server is a sidecar: the parts of a pod's data plane, and the handlers that use them.
type Server struct {
	options   Options
	activity  *intake.Activity
	gate      *intake.Gate
	pushes    *intake.Gate
	decoder   *picture.Decoder
	catalogue *catalogue.Catalogue
	router    *route.Router
	queue     *queue.Queue
	batcher   *batch.Batcher
	model     *modelserver.Client
	mirror    *shadow.Mirror
	recorder  *recorder.Recorder
	metrics   *metrics.Metrics
	// restart has a place for each request that waits for a model server that restarts, or is asked again after that.
	restart *semaphore.Weighted
}

// New reads the signature and opens the catalogue; nothing is started.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{
		options:  o,
		activity: intake.NewActivity(),
		gate:     intake.NewGate(o.InFlight, o.BodyMemory, o.BodyTimeout),
		pushes:   intake.NewGate(maxPushes, 2*maxPushes*(control.MaxBytes+1), pushTimeout),
		decoder:  picture.NewDecoder(o.Photo, o.PixelMemory),
		router:   route.New(o.Version),
		queue:    queue.New(queue.Bounds{Concurrent: o.Concurrent, Waiting: o.Waiting, PerMegapixel: perMegapixel}),
		restart:  semaphore.NewWeighted(int64(o.Concurrent) + int64(o.Waiting)),
	}
	s.metrics = metrics.New(s.gauges())
	s.mirror = shadow.New(shadow.Options{
		Version: o.Version, Copies: shadowCopies, Bytes: o.ShadowMemory, Patience: o.RequestTimeout,
		Paired: s.metrics.ShadowPaired, Dropped: s.metrics.ShadowDropped,
	})
	var err error
	s.model, err = modelserver.New(modelserver.Options{
		URL: o.Runtime, Weights: o.Weights, TensorBytes: o.TensorBytes, Batch: o.Batch, Patience: o.RuntimePatience, Checked: s.metrics.GoldenChecked,
		// Golden requests are asked before anybody is served, so they are no load; but they tell how long a run takes.
		Ran: func(requests int, took time.Duration) { s.queue.Learn(s.shape(requests), took) },
	})
	if err != nil {
		return nil, err
	}
	s.batcher = batch.New(s.queue, s.model, s.shape(1), s.metrics.Ran)
	if o.Catalogue != "" {
		if s.catalogue, err = catalogue.Open(ctx, o.Catalogue, catalogue.Options{FileBytes: o.ImageBytes, CacheBytes: o.CatalogueMemory}); err != nil {
			return nil, err
		}
	}
	s.recorder = s.newRecorder()
	return s, nil
}

// perMegapixel is what a million pixels are expected to take before the golden requests have told.
const perMegapixel = 2 * time.Second

// shape of so many try-ons in one run.
func (s *Server) shape(requests int) predict.Shape {
	signature := s.model.Signature()
	return predict.Shape{Height: signature.Height, Width: signature.Width, Batch: requests}
}

// Pushes of control documents at once, and the time one may take; the operator sends one after the other.
const (
	maxPushes   = 8
	pushTimeout = 5 * time.Second
)

func (s *Server) gauges() metrics.Gauges {
	return metrics.Gauges{
		InFlight:       func() float64 { return float64(s.activity.InFlight()) },
		Waiting:        func() float64 { return float64(s.queue.Waiting()) },
		BacklogSeconds: func() float64 { return s.queue.Load().Backlog.Seconds() },
		Arrivals:       func() float64 { return s.queue.Load().Arrivals },
		Busy:           func() float64 { return s.queue.Load().Busy },
		Batch:          func() float64 { return float64(s.model.Batch()) },
		Ready: func() float64 {
			if s.ready() != nil {
				return 0
			}
			return 1
		},
		ControlGeneration: func() float64 { return float64(s.router.Document().Generation) },
	}
}

// ready is nil when the pod takes traffic: its runtime answered the golden requests, and it is not draining.
func (s *Server) ready() error {
	if s.activity.Phase() != intake.Serving {
		return errors.New("draining")
	}
	return s.model.Ready()
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
	s.router.Close()
	s.mirror.Close()
	s.model.Close()
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
	wait.Go(func() { s.model.Watch(background) })
	wait.Go(func() { s.mirror.Run(background) })
	wait.Go(func() { s.recorder.Run(background) })
	if s.catalogue != nil {
		wait.Go(func() { s.catalogue.Watch(background) })
	}
	if s.options.Control != "" {
		wait.Go(func() { s.router.Follow(background, s.options.Control) })
	}
	frontServer := harden(s.Handler())
	frontServer.ConnState = intake.NewConns(connections(s.options.Connections)).Track
	opsServer := harden(s.OpsHandler())
	opsServer.ReadTimeout, opsServer.WriteTimeout = 2*pushTimeout, 30*time.Second
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

// connections bounds the open connections by what the process may open: half of its files are left to the runtime, the candidate and the
// catalogue, so that a crowd of idle clients cannot take them.
func connections(most int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		slog.Warn("Reading the limit of open files", "err", err)
		return most
	}
	return int(min(uint64(most), max(1, limit.Cur/2)))
}

// closeSlack is what Shutdown has on top of a drain, for replies that are being written.
const closeSlack = 5 * time.Second

// drain turns readiness off at once, serves on until nothing came for the quiet window, and only then closes. Where requests do not cease, they
// are refused from when the last one could not be answered in time any more.
func (s *Server) drain(ctx context.Context, front, ops *http.Server) error {
	slog.Info("Draining", "inFlight", s.activity.InFlight())
	start := time.Now()
	most := s.options.DrainTimeout
	admit := most - s.options.RequestTimeout
	if admit <= 0 {
		admit = most / 2
	}
	admitting, cancel := context.WithTimeout(ctx, admit)
	defer cancel()
	s.activity.Drain(admitting, s.options.Quiet)
	// Stragglers on open connections get CodeDraining now; Shutdown waits for those who were let in.
	closing, cancelClosing := context.WithDeadline(ctx, start.Add(most+closeSlack))
	defer cancelClosing()
	err := front.Shutdown(closing)
	switch {
	case err != nil && s.activity.InFlight() == 0:
		// Only connections are left on which no request ever came; Shutdown would wait some seconds for each new one.
		err = front.Close()
	case err != nil:
		err = errors.Join(fmt.Errorf("closing: %w", err), front.Close())
	}
	slog.Info("Drained", "seconds", time.Since(start).Seconds(), "left", s.activity.InFlight())
	return errors.Join(err, ops.Close())
}

func harden(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 90 * time.Second, MaxHeaderBytes: 32 << 10}
}
