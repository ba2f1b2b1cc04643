// Command tryon-manager is the operator.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/braincreators/tryon-operator/internal/manager"
	"github.com/braincreators/tryon-operator/pipelines/methods"
)

func main() {
	options, err := manager.Parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	log := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(log)
	klog.SetLogger(log)
	manager.LeaveRoom()
	config, err := ctrl.GetConfig()
	if err == nil {
		err = manager.Run(ctrl.SetupSignalHandler(), config, options, methods.Files)
	}
	if err != nil {
		log.Error(err, "The manager stopped")
		os.Exit(1)
	}
}
