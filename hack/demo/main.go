// Command demo carries two YAML files to a picture of a person in another garment: it brings up a cluster, installs the chart,
// makes a dataset, applies the samples, waits for both to be Ready, sends a try-on request, and leaves picture and reports in out/demo.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// options of the demo.
type options struct {
	root       string
	cluster    string
	kubeconfig string
	registry   string
	out        string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	o := options{}
	flag.StringVar(&o.root, "root", ".", "root folder of the repository")
	flag.StringVar(&o.cluster, "cluster", "local", "local: build and start a one-node Kubernetes; kind or current: use that cluster")
	flag.StringVar(&o.kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig of an existing cluster")
	flag.StringVar(&o.registry, "registry", "", "where images are pushed; the cluster's own registry when empty")
	down := flag.Bool("down", false, "remove what the demo made instead")
	flag.Parse()
	root, err := filepath.Abs(o.root)
	if err != nil {
		return fmt.Errorf("finding root folder: %w", err)
	}
	o.root, o.out = root, filepath.Join(root, "out", "demo")
	if err := o.check(machine{system: runtime.GOOS, user: os.Geteuid()}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(o.out, "reports"), 0o755); err != nil {
		return fmt.Errorf("making output folder: %w", err)
	}
	if *down {
		return takeDown(ctx, o)
	}
	return bringUp(ctx, o)
}

// machine is where the demo runs and as whom.
type machine struct {
	system string
	user   int
}

// errNoLocal is what hack/cluster says as well, but only once it was downloaded and compiled.
var errNoLocal = errors.New("the local cluster needs Linux and root; use CLUSTER=kind (a cluster in Docker) or CLUSTER=current (the one that kubectl talks to)")

// check fills in what the flags leave open, and refuses what cannot work here.
func (o *options) check(m machine) error {
	switch o.cluster {
	case "local":
		if m.system != "linux" || m.user != 0 {
			return errNoLocal
		}
		o.kubeconfig = filepath.Join(o.root, "out", "kubeconfig")
		if o.registry == "" {
			o.registry = "127.0.0.1:5001/tryon"
		}
	case "kind", "current":
		if o.kubeconfig == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return fmt.Errorf("finding kubeconfig: %w", err)
			}
			o.kubeconfig = filepath.Join(home, ".kube", "config")
		}
		if o.cluster == "current" && o.registry == "" {
			return errors.New("CLUSTER=current needs REGISTRY=<registry/path> that the cluster can pull from, for example REGISTRY=ghcr.io/me/tryon")
		}
	default:
		return fmt.Errorf("CLUSTER=%s is not known; use local, kind or current", o.cluster)
	}
	return nil
}
