package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// CgroupHierarchies returns the folders in which a cgroup of the node must exist: the only one of cgroup v2, or one per
// controller of v1 (also of a hybrid, where the unified hierarchy has no controllers).
func CgroupHierarchies() ([]string, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(cgroupRoot, &stat); err != nil {
		return nil, fmt.Errorf("reading cgroup file system: %w", err)
	}
	const cgroup2Magic = 0x63677270
	if stat.Type == cgroup2Magic {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, fmt.Errorf("listing cgroup hierarchies: %w", err)
	}
	var found []string
	for _, entry := range entries {
		folder := filepath.Join(cgroupRoot, entry.Name())
		if resolved, err := filepath.EvalSymlinks(folder); err == nil {
			folder = resolved // "cpu" may be a link to "cpu,cpuacct"
		}
		if _, err := os.Stat(filepath.Join(folder, "cgroup.procs")); err == nil && !slices.Contains(found, folder) {
			found = append(found, folder)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted below " + cgroupRoot)
	}
	return found, nil
}

// MakeCgroup makes the cgroup called name in every hierarchy.
func MakeCgroup(name string) error {
	hierarchies, err := CgroupHierarchies()
	if err != nil {
		return err
	}
	for _, hierarchy := range hierarchies {
		if len(hierarchies) == 1 {
			if err := delegateControllers(hierarchy); err != nil {
				return err
			}
		}
		folder := filepath.Join(hierarchy, name)
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making cgroup: %w", err)
		}
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} { // v1: a new cpuset is empty and admits no process
			if err := inherit(hierarchy, folder, file); err != nil {
				return err
			}
		}
	}
	return nil
}

// delegateControllers lets the root's children of cgroup v2 use every controller.
func delegateControllers(root string) error {
	controllers, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("reading cgroup controllers: %w", err)
	}
	for controller := range strings.FieldsSeq(string(controllers)) {
		// A controller that cannot be delegated (cpu with realtime processes) is missing, not fatal: kubelet says so.
		_ = os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+controller), 0)
	}
	return nil
}

func inherit(parent, child, file string) error {
	have, err := os.ReadFile(filepath.Join(child, file))
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(have)) != "" {
		return nil
	}
	value, err := os.ReadFile(filepath.Join(parent, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // cgroup v2: an empty set means the parent's
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	if err := os.WriteFile(filepath.Join(child, file), value, 0); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

// CgroupsBelow lists the cgroup called name and all below it, in every hierarchy, children before parents.
func CgroupsBelow(name string) ([]string, error) {
	hierarchies, err := CgroupHierarchies()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, hierarchy := range hierarchies {
		err := filepath.WalkDir(filepath.Join(hierarchy, name), func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && entry.IsDir() {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("listing cgroups: %w", err)
		}
	}
	slices.Reverse(found)
	return found, nil
}

// look is the time between two looks at a cgroup. Version 1 of cgroups has no event for one that has become empty, and none says when
// the kernel has let go of a dead process's cgroup, which is a moment after the process: so both are looked at until a context ends.
const look = 50 * time.Millisecond

// EmptyCgroup kills every process in the cgroup called name or below, until none is left or ctx is over.
func EmptyCgroup(ctx context.Context, name string) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		folders, err := CgroupsBelow(name)
		if err != nil {
			return err
		}
		left := 0
		for _, folder := range folders {
			for _, pid := range cgroupProcesses(folder) {
				left++
				_ = syscall.Kill(pid, syscall.SIGKILL) // gone meanwhile is fine, the next pass looks again
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d processes of cgroup %s did not end: %w", left, name, ctx.Err())
		case <-ticker.C:
		}
	}
}

func cgroupProcesses(folder string) []int {
	list, err := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
	if err != nil {
		return nil
	}
	var pids []int
	for field := range strings.FieldsSeq(string(list)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// RemoveCgroup removes the empty cgroup called name and all below it from every hierarchy, as soon as the kernel lets it until ctx is over.
func RemoveCgroup(ctx context.Context, name string) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		folders, err := CgroupsBelow(name)
		if err != nil || len(folders) == 0 {
			return err
		}
		var errs []error
		for _, folder := range folders {
			if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("removing cgroup: %w", err))
			}
		}
		if len(errs) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(append(errs, ctx.Err())...)
		case <-ticker.C:
		}
	}
}
