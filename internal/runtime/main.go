package runtime

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
)

// Main is the command line of tryon-runtime; it gives the exit code. "health" as the first argument asks a running server instead.
func Main(args []string, stderr io.Writer, open Open) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := func() error {
		if len(args) > 0 && args[0] == "health" {
			return health(ctx, args[1:], stderr)
		}
		o, err := parse(args, stderr)
		if err != nil {
			return err
		}
		return Run(ctx, o, open)
	}()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	default:
		_, _ = fmt.Fprintln(stderr, "tryon-runtime:", err)
		return 1
	}
}

func parse(args []string, stderr io.Writer) (Options, error) {
	o := Options{}
	f := flag.NewFlagSet("tryon-runtime", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.ModelDir, "model-dir", "/weights", "folder with model.onnx and signature.json")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:8500", "address of the Open Inference Protocol server")
	f.StringVar(&o.Library, "ort", "/usr/lib/libonnxruntime.so", "path of libonnxruntime, version 1.20")
	f.IntVar(&o.Threads, "intra-op-threads", 0, "threads of one run; 0 means one per core")
	f.IntVar(&o.Bounds.Batch, "max-batch", 16, "most rows of one request")
	f.IntVar(&o.Bounds.Concurrent, "max-concurrent", 1, "most runs at once")
	f.IntVar(&o.Bounds.Waiting, "max-waiting", 64, "most requests that wait for a run")
	f.DurationVar(&o.Bounds.Timeout, "request-timeout", time.Minute, "most time for one request, waiting included")
	f.Int64Var(&o.MaxModelBytes, "max-model-bytes", 1<<30, "most bytes of model.onnx")
	f.Int64Var(&o.MaxBodyBytes, "max-body-bytes", 64<<20, "most bytes of a request")
	f.DurationVar(&o.DrainTimeout, "drain-timeout", 90*time.Second, "how long a stop waits for requests in flight")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.Threads < 0 || o.MaxModelBytes <= 0 || o.MaxBodyBytes <= 0 || o.DrainTimeout <= 0 {
		return o, errors.New("numbers on the command line must be positive")
	}
	return o, nil
}

// health is for exec probes: exit code 0 when the server is ready.
func health(ctx context.Context, args []string, stderr io.Writer) error {
	f := flag.NewFlagSet("tryon-runtime health", flag.ContinueOnError)
	f.SetOutput(stderr)
	address := f.String("address", "127.0.0.1:8500", "host:port of the running server")
	timeout := f.Duration("timeout", 2*time.Second, "most time to wait for the answer")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	client, err := oip.NewClient("http://"+*address, oip.Limits{BodyBytes: 64 << 10}, nil)
	if err != nil {
		return err
	}
	_, err = client.Ready(ctx)
	return err
}
