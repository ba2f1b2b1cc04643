package sidecar

import (
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/imaging"
)

// Options configure a sidecar; they are read once.
type Options struct {
	// Listen is the address of the Shopper API, Ops that of metrics, probes and control.
	Listen, Ops string
	// Runtime is the base URL of the model server.
	Runtime string
	// Weights is the folder with signature.json and golden/.
	Weights string
	// Control is the control document's file; empty for none.
	Control string
	// Catalogue is its URI; empty for none.
	Catalogue string
	// Capture is the URI of the folder for captured requests, empty for none; CapturePercent, CaptureAge and CaptureBytes say how many
	// are kept, how long, and how much all of them may take.
	Capture        string
	CapturePercent int
	CaptureAge     time.Duration
	CaptureBytes   int64
	// CapturePermit is the file before whose appearance nothing is kept; empty for none.
	CapturePermit string
	// Version is the name of the TryOnModelVersion that the runtime serves.
	Version string
	// Categories are the garment categories that the model knows.
	Categories []string

	// RequestTimeout bounds one request from its last body byte to its reply; BodyTimeout bounds the body's arrival.
	RequestTimeout, BodyTimeout time.Duration
	// ForwardTimeout bounds the candidate's answer; 0 means as long as leaves time for answering here.
	ForwardTimeout time.Duration
	// RuntimePatience is how long requests wait for a model server that was ready and has gone: what its restart takes.
	RuntimePatience time.Duration
	// Quiet is how long nothing may be in flight before a drain ends, DrainTimeout how long the drain may take.
	Quiet, DrainTimeout time.Duration

	// Concurrent and Waiting bound runs in the runtime and requests that wait for one; InFlight bounds requests of any stage.
	Concurrent, Waiting, InFlight int
	// Batch is how many try-ons may share a run of the model server, where it takes so many.
	Batch int
	// Connections bounds open connections.
	Connections int
	// BodyBytes bounds a Shopper request, ImageBytes a picture in it, TensorBytes an inference request and answer.
	BodyBytes, ImageBytes, TensorBytes int64
	// BodyMemory and PixelMemory bound the bytes of all bodies and all decoded pictures at once.
	BodyMemory, PixelMemory int64
	// ShadowMemory bounds the bytes of all copies on their way to a candidate, CaptureMemory those of the requests that wait to be captured,
	// and CatalogueMemory those of the garments that are kept.
	ShadowMemory, CaptureMemory, CatalogueMemory int64
	Photo                                        imaging.PhotoLimits

	// PublicKey and PodUID check pushed control documents; pushes are refused without them.
	PublicKey ed25519.PublicKey
	PodUID    string
}

// photoMemory is what a pixel of a camera's photo takes: three planes, what they become, that turned upright, and the patch that is laid over it.
const photoMemory = 3 + 4 + 4 + 4

// DefaultOptions are the options of an empty command line.
func DefaultOptions() Options {
	return Options{
		Listen: ":8080", Ops: ":8081", Runtime: "http://127.0.0.1:8500", Weights: "/weights", Categories: []string{"tops"},
		RequestTimeout: 30 * time.Second, BodyTimeout: 20 * time.Second, RuntimePatience: 15 * time.Second, Quiet: 3 * time.Second, DrainTimeout: 60 * time.Second,
		Concurrent: 1, Waiting: 32, InFlight: 128, Connections: 1024, Batch: 1,
		Photo:     imaging.PhotoLimits{Pixels: 24_000_000},
		BodyBytes: 24 << 20, ImageBytes: 10 << 20, TensorBytes: 64 << 20, BodyMemory: 128 << 20, PixelMemory: 352 << 20,
		ShadowMemory: 32 << 20, CaptureMemory: 32 << 20, CatalogueMemory: 32 << 20, CapturePercent: 10, CaptureAge: 24 * time.Hour, CaptureBytes: 1 << 30,
	}
}

// Main is the command line of tryon-sidecar; it gives the exit code.
func Main(args []string, getenv func(string) string, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	o, err := parse(args, getenv, stderr)
	if err == nil {
		err = Run(ctx, o)
	}
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	_, _ = fmt.Fprintln(stderr, "tryon-sidecar:", err)
	return 1
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (Options, error) {
	o := DefaultOptions()
	f := flag.NewFlagSet("tryon-sidecar", flag.ContinueOnError)
	f.SetOutput(stderr)
	categories := f.String("categories", strings.Join(o.Categories, ","), "garment categories that the model knows, with commas")
	o.flags(f)
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	o.Categories = strings.Split(*categories, ",")
	o.PodUID = getenv(control.EnvPodUID)
	if key := getenv(control.EnvPublicKey); key != "" {
		public, err := control.ParsePublicKey(key)
		if err != nil {
			return o, fmt.Errorf("environment %s: %w", control.EnvPublicKey, err)
		}
		o.PublicKey = public
	}
	return o, o.check()
}

func (o *Options) flags(f *flag.FlagSet) {
	f.StringVar(&o.Listen, "listen", o.Listen, "address of the Shopper API and the inference protocol")
	f.StringVar(&o.Ops, "ops", o.Ops, "address of metrics, probes and control")
	f.StringVar(&o.Runtime, "runtime", o.Runtime, "base URL of the model server")
	f.StringVar(&o.Weights, "weights", o.Weights, "folder with signature.json and golden/")
	f.StringVar(&o.Control, "control", o.Control, "file of the control document; empty for none")
	f.StringVar(&o.Catalogue, "catalogue", o.Catalogue, "garments by id: file:///folder or s3://bucket/prefix; empty for none")
	f.StringVar(&o.Capture, "capture", o.Capture, "folder for captured requests: file:///folder or s3://bucket/prefix; empty for none")
	f.IntVar(&o.CapturePercent, "capture-percent", o.CapturePercent, "share of answered requests that is captured, 1..100")
	f.DurationVar(&o.CaptureAge, "capture-ttl", o.CaptureAge, "how long a captured request is kept")
	f.Int64Var(&o.CaptureBytes, "capture-bytes", o.CaptureBytes, "most bytes of all captured requests; the oldest give way")
	f.StringVar(&o.CapturePermit, "capture-permit", o.CapturePermit, "file before whose appearance no request is captured; empty for none")
	f.Int64Var(&o.CaptureMemory, "capture-memory", o.CaptureMemory, "most bytes of all requests that wait to be captured")
	f.StringVar(&o.Version, "version", o.Version, "name of the model version that is served")
	f.DurationVar(&o.RequestTimeout, "request-timeout", o.RequestTimeout, "most time for one request after its body arrived")
	f.DurationVar(&o.ForwardTimeout, "forward-timeout", o.ForwardTimeout, "most time for the candidate's answer; 0 means as long as leaves time for answering here")
	f.DurationVar(&o.BodyTimeout, "body-timeout", o.BodyTimeout, "most time for a request's body to arrive")
	f.DurationVar(&o.RuntimePatience, "runtime-patience", o.RuntimePatience, "how long requests wait for a model server that was ready and has gone")
	f.DurationVar(&o.Quiet, "drain-quiet", o.Quiet, "how long nothing may be in flight before a drain ends")
	f.DurationVar(&o.DrainTimeout, "drain-timeout", o.DrainTimeout, "most time for a drain")
	f.IntVar(&o.Concurrent, "max-concurrent", o.Concurrent, "most runs at once in the model server; with more than 1 they slow each other, so no latencies are compared with a candidate's")
	f.IntVar(&o.Waiting, "max-waiting", o.Waiting, "most requests that wait for a run")
	f.IntVar(&o.Batch, "max-batch", o.Batch, "most waiting try-ons that share one run in the model server; 1 means that each has its own")
	f.IntVar(&o.InFlight, "max-in-flight", o.InFlight, "most requests of any stage")
	f.IntVar(&o.Connections, "max-connections", o.Connections, "most open connections; the longest idle one gives way")
	f.Int64Var(&o.BodyBytes, "max-body-bytes", o.BodyBytes, "most bytes of a Shopper request")
	f.Int64Var(&o.ImageBytes, "max-image-bytes", o.ImageBytes, "most bytes of one picture")
	f.Int64Var(&o.TensorBytes, "max-tensor-bytes", o.TensorBytes, "most bytes of an inference request or answer")
	f.Int64Var(&o.BodyMemory, "body-memory", o.BodyMemory, "most bytes of all bodies at once")
	f.Int64Var(&o.PixelMemory, "pixel-memory", o.PixelMemory, "most bytes of all decoded pictures at once")
	f.Int64Var(&o.ShadowMemory, "shadow-memory", o.ShadowMemory, "most bytes of all copies on their way to a candidate")
	f.Int64Var(&o.CatalogueMemory, "catalogue-memory", o.CatalogueMemory, "most bytes of all garments that are kept")
	f.Int64Var(&o.Photo.Pixels, "max-pixels", o.Photo.Pixels, "most pixels of one picture")
}

func (o Options) check() error {
	for name, value := range map[string]int64{
		"request-timeout": int64(o.RequestTimeout), "body-timeout": int64(o.BodyTimeout), "runtime-patience": int64(o.RuntimePatience), "drain-quiet": int64(o.Quiet), "drain-timeout": int64(o.DrainTimeout),
		"max-concurrent": int64(o.Concurrent), "max-waiting": int64(o.Waiting), "max-in-flight": int64(o.InFlight), "max-connections": int64(o.Connections),
		"max-batch": int64(o.Batch), "max-body-bytes": o.BodyBytes, "max-image-bytes": o.ImageBytes, "max-tensor-bytes": o.TensorBytes, "max-pixels": o.Photo.Pixels,
		"body-memory": o.BodyMemory, "pixel-memory": o.PixelMemory, "shadow-memory": o.ShadowMemory, "catalogue-memory": o.CatalogueMemory,
		"capture-percent": int64(o.CapturePercent), "capture-ttl": int64(o.CaptureAge), "capture-bytes": o.CaptureBytes, "capture-memory": o.CaptureMemory, "version": int64(len(o.Version)), "categories": int64(len(o.Categories)),
	} {
		if value <= 0 {
			return fmt.Errorf("option --%s must be given and positive", name)
		}
	}
	if o.BodyMemory < 2*max(o.BodyBytes, o.TensorBytes) {
		return errors.New("option --body-memory must be at least twice --max-body-bytes and --max-tensor-bytes")
	}
	if o.PixelMemory < photoMemory*o.Photo.Pixels {
		return fmt.Errorf("option --pixel-memory must be at least %d times --max-pixels", photoMemory)
	}
	if o.CapturePercent > 100 {
		return errors.New("option --capture-percent must be at most 100")
	}
	if _, err := os.Stat(o.Weights); err != nil {
		return fmt.Errorf("option --weights: %w", err)
	}
	return nil
}
