package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/config"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/host"
)

// marker is the file that makes a folder the state of a cluster.
const marker = "tryon-cluster.json"

// record is what the marker holds.
type record struct {
	Build      string            `json:"build"`      // folder of the programs that run
	Kubeconfig string            `json:"kubeconfig"` // file written for people
	BootID     string            `json:"bootID"`     // the boot in which it last started
	Sysctls    map[string]string `json:"sysctls"`    // kernel settings before the first start
	Folders    []string          `json:"folders"`    // config.FixedFolders that were not there before
	GPUs       uint              `json:"gpus"`       // that the node shall say it has; kubelet forgets them when it starts
}

// DefaultState is where a cluster keeps its state: $TRYON_STATE, else a folder for variable data.
func DefaultState() (string, error) {
	if state := os.Getenv("TRYON_STATE"); state != "" {
		return filepath.Abs(state)
	}
	return "/var/lib/tryon-cluster", nil
}

// BuildInUse is the folder of the programs of the cluster in a state folder, empty when there is none.
func BuildInUse(state string) string {
	found, err := readRecord(state)
	if err != nil {
		return ""
	}
	return found.Build
}

// maxState keeps the paths of sockets below the state within the kernel's limit of 107 characters.
const maxState = 60

func readRecord(state string) (record, error) {
	var found record
	content, err := os.ReadFile(filepath.Join(state, marker))
	if err != nil {
		return found, fmt.Errorf("reading state: %w", err)
	}
	if err := json.Unmarshal(content, &found); err != nil {
		return found, fmt.Errorf("decoding state: %w", err)
	}
	return found, nil
}

func (r record) write(state string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding state: %w", err)
	}
	return config.WriteFile(filepath.Join(state, marker), content)
}

// claim makes the state folder ours, or finds that it is. A folder with other content is refused.
func claim(state string) (record, error) {
	found, err := readRecord(state)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	entries, err := os.ReadDir(state)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("looking at state folder: %w", err)
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != lockName }) {
		return found, fmt.Errorf("%s is not empty and not the state of a cluster; set TRYON_STATE to another folder", state)
	}
	if found, err = look(); err != nil {
		return found, err
	}
	return found, found.write(state)
}

// look writes down what is on the machine before the first start, and refuses what would collide.
func look() (record, error) {
	var now record
	tables, err := host.Tables()
	if err != nil {
		return now, err
	}
	for _, table := range tables {
		if slices.Contains(config.Tables, table) {
			return now, fmt.Errorf("nftables table %q exists: another Kubernetes uses this machine; use CLUSTER=current", table)
		}
	}
	overlaps, err := host.Overlapping(config.Bridge, config.PodRange, config.ServiceRange)
	if err != nil {
		return now, err
	}
	if len(overlaps) > 0 {
		return now, fmt.Errorf("the cluster's addresses %s and %s overlap with this machine's %v; use CLUSTER=kind", config.PodRange, config.ServiceRange, overlaps)
	}
	for _, folder := range config.FixedFolders {
		if _, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
			now.Folders = append(now.Folders, folder)
		}
	}
	now.Sysctls, err = host.ReadSysctls(config.Sysctls...)
	return now, err
}

const (
	lockName = "lock"
	lockTime = 10 * time.Minute
)

// lock makes the state folder and lets one command at a time change the cluster; the others wait.
func (c *Cluster) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(c.State, 0o711); err != nil {
		return nil, fmt.Errorf("making state folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(c.State, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking state: %w", err)
	}
	said := false
	err = eventually(ctx, lockTime, func(context.Context) error {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil && !said {
			c.Print.Say("Another cluster command is at work; waiting for it.")
			said = true
		}
		return err
	})
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("another cluster command is at work: %w", err)
	}
	return func() { _ = file.Close() }, nil
}
