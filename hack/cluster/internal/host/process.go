package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Process identifies one process for as long as the machine runs: a process id alone is reused by the kernel.
type Process struct {
	PID    int    `json:"pid"`
	Start  uint64 `json:"start"`  // clock ticks after boot at which it started
	BootID string `json:"bootID"` // the boot it belongs to
}

// Identify returns the identity of a running process.
func Identify(pid int) (Process, error) {
	stat, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return Process{}, fmt.Errorf("reading process %d: %w", pid, err)
	}
	start, _, err := parseStat(stat)
	if err != nil {
		return Process{}, fmt.Errorf("reading process %d: %w", pid, err)
	}
	boot, err := BootID()
	if err != nil {
		return Process{}, err
	}
	return Process{PID: pid, Start: start, BootID: boot}, nil
}

// Running reports whether exactly this process still runs. A zombie does not run.
func (p Process) Running() bool {
	boot, err := BootID()
	if err != nil || boot != p.BootID {
		return false
	}
	stat, err := os.ReadFile(procPath(p.PID, "stat"))
	if err != nil {
		return false
	}
	start, state, err := parseStat(stat)
	return err == nil && start == p.Start && state != 'Z' && state != 'X'
}

// Signal sends a signal, and nothing when the process is gone or its id belongs to another one by now.
func (p Process) Signal(signal syscall.Signal) error {
	if !p.Running() {
		return nil
	}
	if err := syscall.Kill(p.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signalling process %d: %w", p.PID, err)
	}
	return nil
}

// ResidentBytes is the memory that the process holds, zero when it cannot be read.
func (p Process) ResidentBytes() int64 {
	statm, err := os.ReadFile(procPath(p.PID, "statm"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// BootID names the running boot of the kernel.
func BootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("reading boot id: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
}

// ProcessesWithArgument lists the running processes of which an argument equals argument.
func ProcessesWithArgument(argument string) ([]Process, error) {
	return processesWhere(func(pid int) bool {
		line, err := os.ReadFile(procPath(pid, "cmdline"))
		if err != nil {
			return false
		}
		for arg := range bytes.SplitSeq(line, []byte{0}) {
			if string(arg) == argument {
				return true
			}
		}
		return false
	})
}

// ProcessesOfProgram lists the running processes of a program file, also when the file was removed since.
func ProcessesOfProgram(path string) ([]Process, error) {
	return processesWhere(func(pid int) bool {
		exe, err := os.Readlink(procPath(pid, "exe"))
		return err == nil && strings.TrimSuffix(exe, " (deleted)") == path
	})
}

func processesWhere(match func(pid int) bool) ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var found []Process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() || !match(pid) {
			continue
		}
		process, err := Identify(pid)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		found = append(found, process)
	}
	return found, nil
}

// parseStat reads start time and state from /proc/<pid>/stat. The program's name may hold spaces and parentheses,
// so fields are counted from the last closing one.
func parseStat(stat []byte) (start uint64, state byte, err error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, 0, errors.New("process status has no name")
	}
	fields := strings.Fields(string(stat[end+1:]))
	const stateField, startField = 0, 19 // fields 3 and 22 of proc(5)
	if len(fields) <= startField {
		return 0, 0, fmt.Errorf("process status has only %d fields", len(fields))
	}
	start, err = strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("reading start time: %w", err)
	}
	return start, fields[stateField][0], nil
}

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
