package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/config"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/host"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/support"
)

// probePod is a pod under the strictest security that a namespace can ask for, with a volume and an address.
const probePod = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: verify-clean}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: verify-clean}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: pause
    image: ` + config.PauseImage + `
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: verify-clean}}]
`

// VerifyClean proves on this machine that a cluster that lived, was killed, resumed its pod and went down, and one whose
// start and end were killed in the middle, leave nothing behind. Nothing else may change the machine meanwhile.
func (c *Cluster) VerifyClean(ctx context.Context) error {
	if err := support.Check(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.State, marker)); !errors.Is(err, fs.ErrNotExist) {
		return errors.New("a cluster exists; take it down first, verify-clean makes and removes its own")
	}
	if _, err := c.Builder.Build(ctx); err != nil {
		return err
	}
	before, err := host.TakeSnapshot(c.State, config.FixedFolders, config.Sysctls)
	if err != nil {
		return err
	}
	for _, scenario := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"a pod survives a kill", c.liveThroughKill},
		{"down cleans up after a killed up", c.killedUp},
		{"down cleans up after a killed down", c.killedDown},
	} {
		c.Print.Say("Scenario: %s", scenario.name)
		if err := errors.Join(scenario.run(ctx), c.Down(ctx)); err != nil {
			return fmt.Errorf("%s: %w", scenario.name, err)
		}
		after, err := host.TakeSnapshot(c.State, config.FixedFolders, config.Sysctls)
		if err != nil {
			return err
		}
		if differences := before.Differences(after); len(differences) > 0 {
			return fmt.Errorf("%s: the machine is not as it was:\n  %s", scenario.name, strings.Join(differences, "\n  "))
		}
	}
	c.Print.Say("The machine is as it was before.")
	return nil
}

func (c *Cluster) liveThroughKill(ctx context.Context) error {
	if err := c.Up(ctx); err != nil {
		return err
	}
	layout, err := c.running()
	if err != nil {
		return err
	}
	if err := apply(ctx, layout, strings.NewReader(probePod)); err != nil {
		return err
	}
	first, err := probeStarted(ctx, layout, "")
	if err != nil {
		return err
	}
	if err := errors.Join(c.Kill(ctx), c.Up(ctx)); err != nil {
		return err
	}
	_, err = probeStarted(ctx, layout, first)
	return err
}

// probeStarted waits until the probe pod's container runs, and runs since another time than before.
func probeStarted(ctx context.Context, layout config.Layout, before string) (string, error) {
	var since string
	err := eventually(ctx, startTime, func(ctx context.Context) error {
		var err error
		since, err = kubectl(ctx, layout, nil, "get", "pod", "verify-clean", "-o",
			"jsonpath={.status.containerStatuses[0].containerID}/{.status.containerStatuses[0].state.running.startedAt}")
		if err == nil && (strings.HasSuffix(since, "/") || since == before) {
			err = fmt.Errorf("the pod does not run: %q", since)
		}
		return err
	})
	return since, err
}

func (c *Cluster) killedUp(ctx context.Context) error {
	return c.runAndKill(ctx, "up", func() bool {
		_, ok := c.table().Find("kube-scheduler")
		return ok
	})
}

func (c *Cluster) killedDown(ctx context.Context) error {
	if err := c.Up(ctx); err != nil {
		return err
	}
	return c.runAndKill(ctx, "down", func() bool {
		_, ok := c.table().Find("etcd")
		return !ok
	})
}

// runAndKill runs a command of this program in a process of its own and kills it when it has come to a point.
func (c *Cluster) runAndKill(ctx context.Context, name string, reached func() bool) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	command := exec.CommandContext(ctx, program, name, "--kubeconfig", c.Kubeconfig)
	command.Dir = c.Builder.Module
	command.Env = append(os.Environ(), "TRYON_STATE="+c.State, "TRYON_CACHE="+c.Builder.Cache)
	if err := command.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	err = eventually(ctx, time.Minute, func(context.Context) error {
		if !reached() {
			return fmt.Errorf("%s does not come to the point at which to kill it", name)
		}
		return nil
	})
	if killErr := command.Process.Signal(syscall.SIGKILL); err == nil && killErr != nil {
		err = fmt.Errorf("killing %s: %w", name, killErr)
	}
	_ = command.Wait() // it was killed, so it always is an error
	return err
}
