package runtime

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
)

// Version is the server's version as /v2 says it.
const Version = "0.1.0"

// Options configure the server.
type Options struct {
	// ModelDir holds model.onnx and signature.json.
	ModelDir string
	// Listen is the address, for example 127.0.0.1:8500.
	Listen string
	// Library is the path of libonnxruntime.
	Library string
	// Threads is the number of intra-op threads of a run; 0 means one per core.
	Threads int
	// MaxModelBytes bounds model.onnx.
	MaxModelBytes int64
	// MaxBodyBytes bounds a request's body.
	MaxBodyBytes int64
	// DrainTimeout bounds how long a stop waits for requests in flight.
	DrainTimeout time.Duration
	Bounds       Bounds
}

// Open makes a session; the package ort has the real one.
type Open func(library string, weights Weights, threads int) (Session, error)

// NewServer serves a model over the Open Inference Protocol.
func NewServer(model *Model, limits oip.Limits) *oip.Server {
	return &oip.Server{
		Info:     oip.ServerMetadata{Name: "tryon-runtime", Version: Version, Extensions: []string{"binary_tensor_data"}},
		Instance: rand.Text(),
		Model:    model,
		Limits:   limits,
	}
}

// Run loads the weights and serves until ctx ends; then it drains.
func Run(ctx context.Context, o Options, open Open) error {
	weights, err := ReadWeights(o.ModelDir, o.MaxModelBytes)
	if err != nil {
		return err
	}
	start := time.Now()
	session, err := open(o.Library, weights, o.Threads)
	if err != nil {
		return fmt.Errorf("loading model: %w", err)
	}
	model := NewModel(weights.Signature, session, o.Bounds)
	slog.Info("Loaded model", "height", weights.Signature.Height, "width", weights.Signature.Width,
		"bytes", len(weights.ONNX), "seconds", time.Since(start).Seconds())
	weights.ONNX = nil
	listen := net.ListenConfig{}
	listener, err := listen.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listening: %w", err), model.Close())
	}
	return serve(ctx, o, model, listener)
}

func serve(ctx context.Context, o Options, model *Model, listener net.Listener) error {
	server := &http.Server{
		Handler:           NewServer(model, oip.Limits{BodyBytes: o.MaxBodyBytes}),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	slog.Info("Serving", "address", listener.Addr().String())
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serving: %w", err), model.Close())
	case <-ctx.Done():
	}
	slog.Info("Draining")
	model.Drain()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.DrainTimeout)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		// Closing the session under a run would crash; the process ends right after this.
		return fmt.Errorf("draining: %w", errors.Join(err, server.Close()))
	}
	return model.Close()
}
