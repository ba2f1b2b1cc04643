package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/config"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/host"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/progress"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/support"
)

// Down ends the cluster and removes everything that it made, but the cache of builds. It works on whatever a killed
// cluster or a killed Down left, and does nothing when there is no cluster.
func (c *Cluster) Down(ctx context.Context) error {
	if err := support.Check(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.State, marker)); errors.Is(err, fs.ErrNotExist) {
		c.Print.Say("There is no cluster in %s.", c.State)
		return nil
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	found, err := readRecord(c.State)
	if err != nil {
		return err
	}
	return c.Print.Do("taking the cluster down", 5*time.Second, func(*progress.Step) error {
		if err := c.end(ctx, found); err != nil {
			return err
		}
		if err := c.clean(ctx, found); err != nil {
			return err
		}
		return c.forget(found)
	})
}

// Kill ends every process of the cluster at once, as a power cut would, and leaves everything else as it is.
func (c *Cluster) Kill(ctx context.Context) error {
	if err := support.Check(); err != nil {
		return err
	}
	found, err := readRecord(c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotRunning
	}
	if err != nil {
		return err
	}
	layout := config.Layout{State: c.State, Build: found.Build}
	return errors.Join(c.table().Kill(ctx, names(layout)), c.killContainers(ctx, layout))
}

// names lists the programs, the last started first.
func names(layout config.Layout) []string {
	var all []string
	for _, group := range layout.Programs() {
		for _, program := range group {
			all = append(all, program.Name)
		}
	}
	slices.Reverse(all)
	return all
}

// end stops the programs. kubelet goes first, it would start containers anew; containerd last, its shims report to it.
func (c *Cluster) end(ctx context.Context, found record) error {
	layout := config.Layout{State: c.State, Build: found.Build}
	others := slices.DeleteFunc(names(layout), func(name string) bool { return name == "kubelet" })
	return errors.Join(
		c.table().Stop(ctx, []string{"kubelet"}, 2*time.Second),
		emptyCgroup(ctx),
		c.table().Stop(ctx, others, 5*time.Second),
		c.killContainers(ctx, layout),
	)
}

func emptyCgroup(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return host.EmptyCgroup(ctx, config.Cgroup)
}

// killContainers kills all containers and their shims, which carry our socket in their arguments.
func (c *Cluster) killContainers(ctx context.Context, layout config.Layout) error {
	shims, err := host.ProcessesWithArgument(layout.ContainerdSocket())
	if err != nil {
		return err
	}
	errs := []error{emptyCgroup(ctx)}
	for _, shim := range shims {
		errs = append(errs, shim.Signal(syscall.SIGKILL))
	}
	return errors.Join(errs...)
}

// clean removes what lies outside of the state folder.
func (c *Cluster) clean(ctx context.Context, found record) error {
	errs := []error{host.UnmountBelow(c.State), removePodLinks(), host.RemoveLink(config.Bridge)}
	for _, table := range config.Tables { // up refused to start beside tables of these names
		errs = append(errs, host.RemoveTable(table))
	}
	errs = append(errs, host.WriteSysctls(found.Sysctls), removeCgroup(ctx))
	return errors.Join(append(errs, c.removeFixed(found))...)
}

func removeCgroup(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return host.RemoveCgroup(ctx, config.Cgroup)
}

// removePodLinks removes the links of pods that the kernel has not removed yet with their network namespaces.
// Only links of ours have the gateway's address.
func removePodLinks() error {
	links, err := host.Links()
	if err != nil {
		return err
	}
	var errs []error
	for _, link := range links {
		if slices.Contains(link.Addresses, config.PodGateway) {
			errs = append(errs, host.RemoveLink(link.Name))
		}
	}
	return errors.Join(errs...)
}

// forget removes the state, the marker last, so that a Down that is killed can be repeated. Nothing may be mounted below
// by now: removing through a mount would reach what is not ours.
func (c *Cluster) forget(found record) error {
	mounts, err := host.MountsBelow(c.State)
	if err != nil {
		return err
	}
	if len(mounts) > 0 {
		return fmt.Errorf("still mounted, so the state is kept: %s", strings.Join(mounts, ", "))
	}
	entries, err := os.ReadDir(c.State)
	if err != nil {
		return fmt.Errorf("listing state: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == marker {
			continue
		}
		if err := os.RemoveAll(filepath.Join(c.State, entry.Name())); err != nil {
			return fmt.Errorf("removing state: %w", err)
		}
	}
	if found.Kubeconfig != "" {
		if err := os.Remove(found.Kubeconfig); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing kubeconfig: %w", err)
		}
	}
	if err := os.RemoveAll(c.State); err != nil {
		return fmt.Errorf("removing state: %w", err)
	}
	return nil
}
