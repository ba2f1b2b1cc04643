package host

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Snapshot is what a cluster could leave on a machine: kinds of things and their names.
type Snapshot map[string][]string

// TakeSnapshot lists mounts, links, network namespaces, nftables tables, cgroups, the given folders with what they hold,
// kernel settings, and the processes that mention the state folder.
func TakeSnapshot(state string, folders, sysctls []string) (Snapshot, error) {
	now := Snapshot{}
	var errs []error
	add := func(kind string, names []string, err error) {
		slices.Sort(names)
		now[kind] = names
		errs = append(errs, err)
	}
	mounts, err := allMounts()
	add("mount", mounts, err)
	links, err := Links()
	names := make([]string, len(links))
	for i, link := range links {
		names[i] = fmt.Sprint(link.Name, link.Addresses)
	}
	add("link", names, err)
	spaces, err := run("ip", "netns", "list")
	add("network namespace", strings.Fields(string(spaces)), err)
	routes, err := lines(run("ip", "route", "show", "table", "all"))
	add("route", routes, err)
	tables, err := Tables()
	add("nftables table", tables, err)
	cgroups, err := allCgroups()
	add("cgroup", cgroups, err)
	files, err := below(append(folders, state))
	add("file", files, err)
	values, err := ReadSysctls(sysctls...)
	settings := make([]string, 0, len(values))
	for name, value := range values {
		settings = append(settings, name+"="+value)
	}
	add("kernel setting", settings, err)
	processes, err := processesWhere(func(pid int) bool {
		line, err := os.ReadFile(procPath(pid, "cmdline"))
		return err == nil && bytes.Contains(line, []byte(state))
	})
	identities := make([]string, len(processes))
	for i, process := range processes {
		identities[i] = fmt.Sprint(process)
	}
	add("process", identities, err)
	return now, errors.Join(errs...)
}

// Differences says what another snapshot has more or less than this one.
func (s Snapshot) Differences(other Snapshot) []string {
	var found []string
	for _, kind := range slices.Sorted(maps.Keys(s)) {
		for _, name := range s[kind] {
			if !slices.Contains(other[kind], name) {
				found = append(found, "missing "+kind+": "+name)
			}
		}
		for _, name := range other[kind] {
			if !slices.Contains(s[kind], name) {
				found = append(found, "left "+kind+": "+name)
			}
		}
	}
	return found
}

func allMounts() ([]string, error) {
	table, err := os.Open("/proc/self/mounts")
	if err != nil {
		return nil, fmt.Errorf("opening mount table: %w", err)
	}
	defer table.Close()
	return ParseMounts(table)
}

func allCgroups() ([]string, error) {
	var found []string
	err := filepath.WalkDir(cgroupRoot, func(path string, entry fs.DirEntry, err error) error {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && entry.IsDir() {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing cgroups: %w", err)
	}
	return found, nil
}

func below(folders []string) ([]string, error) {
	var found []string
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			found = append(found, path)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("listing files: %w", err)
		}
	}
	return slices.Compact(found), nil
}

func lines(out []byte, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	var found []string
	for scanner := bufio.NewScanner(bytes.NewReader(out)); scanner.Scan(); {
		found = append(found, strings.TrimSpace(scanner.Text()))
	}
	return found, nil
}
