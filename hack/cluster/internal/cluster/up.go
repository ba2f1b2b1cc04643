package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/image"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/config"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/host"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/process"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/progress"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/support"
)

//go:embed manifests/base.yaml
var baseManifests string

// needs are the programs that are not built from Go modules: runc needs a C compiler, nft and ip are not Go.
var needs = []host.Need{
	{Program: "runc", Package: "runc"}, {Program: "nft", Package: "nftables"}, {Program: "ip", Package: "iproute2"},
}

// startTime bounds the start of one program; a loaded machine is slow, a broken program mostly ends by itself.
const startTime = 3 * time.Minute

// Up starts what does not run, building the programs first when the cache has none. A cluster that was killed resumes
// its workloads; one that runs is only checked.
func (c *Cluster) Up(ctx context.Context) error {
	if err := support.Check(); err != nil {
		return err
	}
	if len(c.State) > maxState {
		return fmt.Errorf("the state folder %s has a path of more than %d characters; set TRYON_STATE to a shorter one", c.State, maxState)
	}
	if err := c.install(ctx); err != nil {
		return err
	}
	if running, err := c.check(ctx); running || err != nil {
		return err
	}
	build, err := c.Builder.Build(ctx)
	if err != nil {
		return err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	layout, err := c.prepare(build)
	if err != nil {
		return err
	}
	if err := c.start(ctx, layout); err != nil {
		return err
	}
	if err := c.restoreGPUs(ctx, layout); err != nil {
		return err
	}
	return c.writeKubeconfig(layout)
}

// check looks whether every program runs, and if so that all are ready, without building or changing anything but the
// kubeconfig.
func (c *Cluster) check(ctx context.Context) (running bool, err error) {
	layout, err := c.running()
	if errors.Is(err, ErrNotRunning) || err == nil && !c.allRunning(layout.Programs()) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if build, err := c.Builder.Built(ctx); err != nil || build != layout.Build {
		c.Print.Say("What runs was built from other sources; make cluster-down and make cluster replace it.")
	}
	err = c.Print.Do("checking the running cluster", 0, func(step *progress.Step) error {
		return errors.Join(c.startGroups(ctx, layout.Programs(), step), waitForNode(ctx, layout))
	})
	if err != nil {
		return true, err
	}
	return true, c.writeKubeconfig(layout)
}

func (c *Cluster) install(ctx context.Context) error {
	missing := host.Missing(needs)
	if len(missing) == 0 {
		return nil
	}
	return c.Print.Do("installing "+strings.Join(missing, ", "), 20*time.Second, func(*progress.Step) error {
		var log strings.Builder
		if err := host.Install(ctx, missing, &log); err != nil {
			return fmt.Errorf("%w\n%s", err, log.String())
		}
		return nil
	})
}

// prepare makes everything that the programs expect. All of it may be there already.
func (c *Cluster) prepare(build string) (config.Layout, error) {
	layout := config.Layout{State: c.State, Build: build}
	found, err := claim(c.State)
	if err != nil {
		return layout, err
	}
	boot, err := host.BootID()
	if err != nil {
		return layout, err
	}
	if found.BootID != boot { // what /run means elsewhere: nothing in it survives a reboot
		if err := os.RemoveAll(layout.Path("run")); err != nil {
			return layout, fmt.Errorf("removing state of an earlier boot: %w", err)
		}
	}
	found.Build, found.BootID, found.Kubeconfig = build, boot, c.Kubeconfig
	if err := found.write(c.State); err != nil {
		return layout, err
	}
	for _, folder := range layout.Folders() {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return layout, fmt.Errorf("making folder: %w", err)
		}
	}
	if err := writeConfig(layout); err != nil {
		return layout, err
	}
	return layout, errors.Join(
		host.WriteSysctls(map[string]string{"net/ipv4/ip_forward": "1"}),
		host.MakeCgroup(config.Cgroup),
		host.MakeBridge(config.Bridge, config.NodeAddress, config.ServiceRange),
	)
}

func writeConfig(layout config.Layout) error {
	if err := layout.MakeCertificates(); err != nil {
		return err
	}
	detected, err := config.DetectHost(layout.State)
	if err != nil {
		return err
	}
	files, err := layout.Render(detected)
	if err != nil {
		return err
	}
	for path, content := range files {
		if err := config.WriteFile(path, content); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) start(ctx context.Context, layout config.Layout) error {
	groups := layout.Programs()
	return c.Print.Do("starting Kubernetes", 15*time.Second, func(step *progress.Step) error {
		if err := c.startGroups(ctx, groups[:2], step); err != nil {
			return err
		}
		step.Detail("applying storage class and roles")
		if err := eventually(ctx, time.Minute, func(ctx context.Context) error {
			return apply(ctx, layout, strings.NewReader(baseManifests))
		}); err != nil {
			return err
		}
		pause := image.Spec{Files: map[string]string{"/pause": layout.Program("pause")}, User: "65535:65535", Entrypoint: []string{"/pause"}}
		if _, err := image.Push(ctx, config.PauseImage, pause); err != nil {
			return err
		}
		if err := c.startGroups(ctx, groups[2:], step); err != nil {
			return err
		}
		step.Detail("waiting for the node")
		return waitForNode(ctx, layout)
	})
}

func (c *Cluster) allRunning(groups [][]process.Program) bool {
	for _, group := range groups {
		for _, program := range group {
			if _, ok := c.table().Find(program.Name); !ok {
				return false
			}
		}
	}
	return true
}

// startGroups starts group after group, the programs of each at once.
func (c *Cluster) startGroups(ctx context.Context, groups [][]process.Program, step *progress.Step) error {
	for _, group := range groups {
		names := make([]string, len(group))
		errs := make([]error, len(group))
		var started sync.WaitGroup
		for i, program := range group {
			names[i] = program.Name
			started.Go(func() { errs[i] = c.table().Ensure(ctx, program, startTime) })
		}
		step.Detail("%s", strings.Join(names, ", "))
		started.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// waitForNode waits until a pod could run: the node is ready and the default account exists.
func waitForNode(ctx context.Context, layout config.Layout) error {
	err := eventually(ctx, startTime, func(ctx context.Context) error {
		ready, err := kubectl(ctx, layout, nil, "get", "node", config.NodeName,
			"-o", `jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} {.message}{end}`)
		if err == nil && !strings.HasPrefix(ready, "True") {
			err = fmt.Errorf("the node is not ready: %s", ready)
		}
		return err
	})
	if err != nil {
		return err
	}
	return eventually(ctx, time.Minute, func(ctx context.Context) error {
		_, err := kubectl(ctx, layout, nil, "get", "serviceaccount", "default", "-n", "default")
		return err
	})
}

func (c *Cluster) writeKubeconfig(layout config.Layout) error {
	content, err := layout.AdminKubeconfig()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.Kubeconfig), 0o755); err != nil {
		return fmt.Errorf("making kubeconfig folder: %w", err)
	}
	return config.WriteFile(c.Kubeconfig, content)
}
