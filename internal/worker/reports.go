package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/browse"
)

func runReports(ctx context.Context, args []string, io Streams) int {
	flags := flag.NewFlagSet("tryon-worker reports", flag.ContinueOnError)
	flags.SetOutput(io.Err)
	uri := flags.String("store", "", "URI of the artefact store: file:///dir or s3://bucket/prefix")
	listen := flags.String("listen", "127.0.0.1:8080", "address to serve at")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *uri == "" || flags.NArg() > 0 {
		fmt.Fprintln(io.Err, "tryon-worker reports: want --store URI and no arguments")
		return exitUsage
	}
	if err := serveReports(ctx, *uri, *listen, io); err != nil {
		fmt.Fprintf(io.Err, "tryon-worker reports: %v\n", err)
		return exitErrored
	}
	return exitDone
}

func serveReports(ctx context.Context, uri, listen string, io Streams) error {
	store, err := artefact.Open(ctx, uri)
	if err != nil {
		return fmt.Errorf("opening store: %w", err)
	}
	defer func() { _ = store.Close() }()
	server := &http.Server{Addr: listen, Handler: browse.Handler(store), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute}
	stopped := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace)
	})
	defer stopped()
	fmt.Fprintf(io.Err, "reports of %s at http://%s/\n", uri, listen)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
