package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/config"
)

// Folders with fixed paths and what we leave in them.
const (
	logLinks      = "/var/log/containers"
	devicePlugins = "/var/lib/kubelet/device-plugins"
	networkCache  = "/var/lib/cni/results"
)

// removeFixed removes our files from folders with fixed paths, and the folders that were not there before as far as
// they are empty then.
func (c *Cluster) removeFixed(found record) error {
	ours, err := c.fixedFiles(found)
	errs := []error{err}
	for _, path := range append(ours, found.Folders...) {
		err := os.Remove(path) // a folder into which somebody else has put something stays
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
			errs = append(errs, fmt.Errorf("removing file: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (c *Cluster) fixedFiles(found record) ([]string, error) {
	logs, err := entries(logLinks)
	logs = slices.DeleteFunc(logs, func(path string) bool {
		target, err := os.Readlink(path)
		return err != nil || !strings.HasPrefix(target, c.State+"/")
	})
	cached, cachedErr := entries(networkCache)
	ours := append(logs, networkResults(cached, slices.Contains(found.Folders, networkCache))...)
	if slices.Contains(found.Folders, devicePlugins) {
		for _, name := range []string{"kubelet.sock", "kubelet_internal_checkpoint", "DEPRECATION"} {
			ours = append(ours, filepath.Join(devicePlugins, name))
		}
	}
	return ours, errors.Join(err, cachedErr)
}

// networkResults picks our files of the network plugins' cache. Those of the loopback network are ours when the same
// container is in our network, or when nobody else used the cache before.
func networkResults(paths []string, all bool) []string {
	const loopback = "cni-loopback-"
	var found []string
	for _, path := range paths {
		name := filepath.Base(path)
		if container, ok := strings.CutPrefix(name, config.Network+"-"); ok {
			container = strings.TrimSuffix(container, "-eth0")
			found = append(found, path, filepath.Join(filepath.Dir(path), loopback+container+"-lo"))
		} else if all && strings.HasPrefix(name, loopback) {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func entries(folder string) ([]string, error) {
	list, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing %s: %w", folder, err)
	}
	paths := make([]string, len(list))
	for i, entry := range list {
		paths[i] = filepath.Join(folder, entry.Name())
	}
	return paths, nil
}
