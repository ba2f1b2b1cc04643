// Command tryon-worker does the work of the operator's pods: synth, pin, test, train, evaluate, replay, publish, pull, install.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/braincreators/tryon-operator/internal/worker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(worker.Main(ctx, os.Args[1:]))
}
