package process

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAProgramStartsOnceAndStops(t *testing.T) {
	table := Table{PIDs: t.TempDir(), Logs: t.TempDir()}
	flag := filepath.Join(t.TempDir(), "ready")
	program := shell("sleeper", "touch "+flag+"; exec sleep 86398", func(context.Context) error {
		_, err := os.Stat(flag)
		return err
	})
	var pids []int
	for range 2 {
		if err := table.Ensure(t.Context(), program, time.Minute); err != nil {
			t.Fatal(err)
		}
		running, ok := table.Find("sleeper")
		if !ok {
			t.Fatal("a started program is not found")
		}
		pids = append(pids, running.PID)
	}
	if pids[0] != pids[1] {
		t.Errorf("started twice: processes %v", pids)
	}
	if err := table.Stop(t.Context(), []string{"sleeper", "never started"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, ok := table.Find("sleeper"); ok {
		t.Error("a stopped program is found")
	}
}

func TestAProgramThatIgnoresTheRequestIsKilled(t *testing.T) {
	table := Table{PIDs: t.TempDir(), Logs: t.TempDir()}
	flag := filepath.Join(t.TempDir(), "ready")
	program := shell("stubborn", "trap '' TERM; touch "+flag+"; while :; do sleep 1; done", func(context.Context) error {
		_, err := os.Stat(flag)
		return err
	})
	if err := table.Ensure(t.Context(), program, time.Minute); err != nil {
		t.Fatal(err)
	}
	running, _ := table.Find("stubborn")
	if err := table.Stop(t.Context(), []string{"stubborn"}, 0); err != nil {
		t.Fatal(err)
	}
	if running.Running() {
		t.Error("it still runs")
	}
}

func TestAStopThatIsCutShortKeepsTheProgramInTheTable(t *testing.T) {
	table := Table{PIDs: t.TempDir(), Logs: t.TempDir()}
	flag := filepath.Join(t.TempDir(), "ready")
	program := shell("stubborn", "trap '' TERM; touch "+flag+"; while :; do sleep 1; done", func(context.Context) error {
		_, err := os.Stat(flag)
		return err
	})
	if err := table.Ensure(t.Context(), program, time.Minute); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), poll)
	defer cancel()
	if err := table.Stop(ctx, []string{"stubborn"}, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want that of the context", err)
	}
	running, ok := table.Find("stubborn")
	if !ok {
		t.Fatal("it is forgotten, or was killed before its time")
	}
	if err := table.Stop(t.Context(), []string{"stubborn"}, 0); err != nil || running.Running() {
		t.Errorf("it still runs: %t, %v", running.Running(), err)
	}
}

func TestTheErrorOfAProgramThatEndsHoldsItsLastLines(t *testing.T) {
	table := Table{PIDs: t.TempDir(), Logs: t.TempDir()}
	program := shell("broken", "for i in $(seq 100); do echo line $i; done; exit 1", never)
	err := table.Ensure(t.Context(), program, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "line 100") || strings.Contains(err.Error(), "line 50\n") {
		t.Errorf("error = %v", err)
	}
}

func TestAProgramThatIsNeverReadyIsAnErrorInTime(t *testing.T) {
	table := Table{PIDs: t.TempDir(), Logs: t.TempDir()}
	err := table.Ensure(t.Context(), shell("slow", "exec sleep 86398", never), time.Millisecond)
	if !errors.Is(err, errNever) {
		t.Errorf("error = %v, want the probe's", err)
	}
	if err := table.Stop(t.Context(), []string{"slow"}, 0); err != nil {
		t.Error(err)
	}
}

func TestATakenAddressIsNamedTogetherWithTheProgram(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := listener.Addr().String()
	err = Program{Name: "registry", Listens: []string{address}}.CheckFree(t.Context())
	if err == nil || !strings.Contains(err.Error(), "registry") || !strings.Contains(err.Error(), address) {
		t.Errorf("error = %v", err)
	}
}

var errNever = errors.New("never ready")

func never(context.Context) error { return errNever }

func shell(name, script string, ready Probe) Program {
	return Program{Name: name, Path: "/bin/sh", Args: []string{"-c", script}, Ready: ready}
}
