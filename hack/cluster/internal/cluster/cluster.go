package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/config"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/parts"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/process"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/progress"
)

// Cluster is the cluster of one state folder.
type Cluster struct {
	State      string
	Kubeconfig string // where to write the kubeconfig for people
	Builder    *parts.Builder
	Print      *progress.Printer
}

// ErrNotRunning means that the command needs a running cluster.
var ErrNotRunning = errors.New("the cluster is not running; start it with: make cluster")

func (c *Cluster) table() process.Table {
	return process.Table{PIDs: filepath.Join(c.State, "run", "pids"), Logs: filepath.Join(c.State, "logs")}
}

// running returns the layout of the cluster that was started last, or ErrNotRunning.
func (c *Cluster) running() (config.Layout, error) {
	found, err := readRecord(c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return config.Layout{}, ErrNotRunning
	}
	if err != nil {
		return config.Layout{}, err
	}
	if _, ok := c.table().Find("kube-apiserver"); !ok {
		return config.Layout{}, ErrNotRunning
	}
	return config.Layout{State: c.State, Build: found.Build}, nil
}

// kubectl runs our kubectl as the administrator and returns its output.
func kubectl(ctx context.Context, layout config.Layout, input io.Reader, args ...string) (string, error) {
	command := exec.CommandContext(ctx, layout.Program("kubectl"), append([]string{"--kubeconfig", layout.Kubeconfig("admin")}, args...)...)
	command.Stdin = input
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("running kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// apply applies manifests as server-side apply does, taking over fields that something else set.
func apply(ctx context.Context, layout config.Layout, manifests io.Reader) error {
	_, err := kubectl(ctx, layout, manifests, "apply", "--server-side", "--force-conflicts", "--field-manager=tryon-cluster", "-f", "-")
	return err
}

// eventually tries until there is no error or the time is over; the last error is returned.
func eventually(ctx context.Context, within time.Duration, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s: %w", within, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
