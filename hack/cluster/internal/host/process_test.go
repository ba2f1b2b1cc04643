package host

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestStatOfAProcessIsReadBehindItsName(t *testing.T) {
	const tail = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"
	for name, test := range map[string]struct {
		stat      string
		wantStart uint64
		wantState byte
		wantError bool
	}{
		"plain name":                      {stat: "7 (etcd) S" + tail, wantStart: 4711, wantState: 'S'},
		"name with parenthesis and space": {stat: "7 (a) b (c) Z" + tail, wantStart: 4711, wantState: 'Z'},
		"no name":                         {stat: "7 etcd S" + tail, wantError: true},
		"cut off":                         {stat: "7 (etcd) S 1 2", wantError: true},
		"start is no number":              {stat: "7 (etcd) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x", wantError: true},
	} {
		t.Run(name, func(t *testing.T) {
			start, state, err := parseStat([]byte(test.stat))
			if (err != nil) != test.wantError || start != test.wantStart || state != test.wantState {
				t.Errorf("got start %d, state %c, error %v", start, state, err)
			}
		})
	}
}

func TestAProcessIsRunningUntilItEnds(t *testing.T) {
	process, wait := startSleep(t)
	if !process.Running() {
		t.Fatal("a started process does not run")
	}
	if err := process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wait()
	if process.Running() {
		t.Error("a killed process runs")
	}
	if err := process.Signal(syscall.SIGKILL); err != nil {
		t.Errorf("signalling an ended process: %v", err)
	}
}

func TestAnotherProcessWithTheSameIDIsNotOurs(t *testing.T) {
	process, wait := startSleep(t)
	defer func() { _ = process.Signal(syscall.SIGKILL); wait() }()
	later := process
	later.Start++
	rebooted := process
	rebooted.BootID = "another boot"
	for name, other := range map[string]Process{"started later": later, "before a reboot": rebooted} {
		if other.Running() {
			t.Errorf("%s: taken for the running process", name)
		}
		if err := other.Signal(syscall.SIGKILL); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !process.Running() {
		t.Error("the process was killed in place of another")
	}
}

func TestProcessesAreFoundByAWholeArgument(t *testing.T) {
	process, wait := startSleep(t)
	defer func() { _ = process.Signal(syscall.SIGKILL); wait() }()
	for argument, want := range map[string]bool{"86399": true, "8639": false} {
		found, err := ProcessesWithArgument(argument)
		if err != nil {
			t.Fatal(err)
		}
		got := false
		for _, one := range found {
			got = got || one == process
		}
		if got != want {
			t.Errorf("found by %q: %v, want %v", argument, got, want)
		}
	}
}

func startSleep(t *testing.T) (Process, func()) {
	t.Helper()
	command := exec.Command("sleep", "86399")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	process, err := Identify(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if process.ResidentBytes() <= 0 || process.PID == os.Getpid() {
		t.Errorf("odd process %+v", process)
	}
	return process, func() { _ = command.Wait() }
}
