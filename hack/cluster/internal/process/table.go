package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/host"
)

// Table knows the running programs by their files in two folders.
type Table struct {
	PIDs string
	Logs string
}

// logLimit is the size from which a program's next start begins a new log file.
const logLimit = 16 << 20

// poll is the time between two looks at something that does not announce itself.
const poll = 100 * time.Millisecond

// Find returns the running process of a program.
func (t Table) Find(name string) (host.Process, bool) {
	content, err := os.ReadFile(t.pidFile(name))
	if err != nil {
		return host.Process{}, false
	}
	var found host.Process
	if json.Unmarshal(content, &found) != nil {
		return host.Process{}, false
	}
	return found, found.Running()
}

// Ensure starts a program unless it runs, and waits until it is ready. When it ends or does not get ready,
// the error holds the last lines of its log.
func (t Table) Ensure(ctx context.Context, program Program, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	running, ok := t.Find(program.Name)
	if !ok {
		var err error
		if running, err = t.start(ctx, program); err != nil {
			return err
		}
	}
	for {
		err := program.Ready(ctx)
		if err == nil {
			return nil
		}
		if !running.Running() {
			return fmt.Errorf("%s ended:\n%s", program.Name, t.Tail(program.Name, 12))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready within %s: %w\n%s", program.Name, within, err, t.Tail(program.Name, 12))
		case <-time.After(poll):
		}
	}
}

// start starts a program in a session of its own, so that neither the terminal nor the caller's end reaches it; nor does the end of ctx.
func (t Table) start(ctx context.Context, program Program) (host.Process, error) {
	if err := program.CheckFree(ctx); err != nil {
		return host.Process{}, err
	}
	log, err := t.openLog(program.Name)
	if err != nil {
		return host.Process{}, err
	}
	defer log.Close()
	command := exec.CommandContext(context.WithoutCancel(ctx), program.Path, program.Args...)
	command.Env = append(os.Environ(), program.Env...)
	command.Env = append(command.Env, "PATH="+filepath.Dir(program.Path)+":"+os.Getenv("PATH"))
	command.Dir = "/"
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return host.Process{}, fmt.Errorf("starting %s: %w", program.Name, err)
	}
	go func() { _ = command.Wait() }() // how it ended is in its log; this only frees the table entry
	started, err := host.Identify(command.Process.Pid)
	if err != nil {
		return host.Process{}, fmt.Errorf("starting %s: %w", program.Name, err)
	}
	content, err := json.Marshal(started)
	if err != nil {
		return host.Process{}, fmt.Errorf("recording %s: %w", program.Name, err)
	}
	if err := os.WriteFile(t.pidFile(program.Name), content, 0o600); err != nil {
		return host.Process{}, errors.Join(fmt.Errorf("recording %s: %w", program.Name, err), started.Signal(syscall.SIGKILL))
	}
	return started, nil
}

// Stop ends programs: it asks all, and kills those that have not ended after a grace time.
func (t Table) Stop(ctx context.Context, names []string, grace time.Duration) error {
	var errs []error
	for _, name := range names {
		if running, ok := t.Find(name); ok {
			errs = append(errs, running.Signal(syscall.SIGTERM))
		}
	}
	asked, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	for _, name := range names {
		if running, ok := t.Find(name); ok {
			errs = append(errs, finish(ctx, asked, running))
		}
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...) // what has not ended stays in the table
		}
		if err := os.Remove(t.pidFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("forgetting %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// killWait is how long a killed process may take to be gone.
const killWait = 10 * time.Second

// finish waits for a process that was asked to end, and kills it when asked is over and ctx is not.
func finish(ctx, asked context.Context, running host.Process) error {
	if err := await(asked, running); err == nil || ctx.Err() != nil {
		return err
	}
	if err := running.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, killWait)
	defer cancel()
	return await(ctx, running)
}

// await waits until a process has ended. It may be the child of an earlier run of ours, which nobody can wait for but its parent, so we
// look: what the kernel has besides, a pidfd, is not in the standard library.
func await(ctx context.Context, running host.Process) error {
	ticker := time.NewTicker(poll / 4)
	defer ticker.Stop()
	for running.Running() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d does not end: %w", running.PID, ctx.Err())
		case <-ticker.C:
		}
	}
	return nil
}

// Kill kills programs without asking and waits until they are gone.
func (t Table) Kill(ctx context.Context, names []string) error {
	var errs []error
	for _, name := range names {
		if running, ok := t.Find(name); ok {
			errs = append(errs, running.Signal(syscall.SIGKILL))
		}
	}
	return errors.Join(append(errs, t.Stop(ctx, names, 0))...)
}

// Tail returns the last lines of a program's log, indented, and where the rest is.
func (t Table) Tail(name string, lines int) string {
	path := t.logFile(name)
	file, err := os.Open(path)
	if err != nil {
		return "    (no log)"
	}
	defer file.Close()
	const window = 64 << 10
	size, err := file.Seek(0, 2)
	if err != nil {
		return "    (no log)"
	}
	content := make([]byte, min(size, window))
	if _, err := file.ReadAt(content, size-int64(len(content))); err != nil {
		return "    (no log)"
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	all = all[max(0, len(all)-lines):]
	return "    " + strings.Join(all, "\n    ") + "\n    (all of it: " + path + ")"
}

func (t Table) openLog(name string) (*os.File, error) {
	path := t.logFile(name)
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("rotating log: %w", err)
		}
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening log: %w", err)
	}
	return log, nil
}

func (t Table) pidFile(name string) string { return filepath.Join(t.PIDs, name+".json") }
func (t Table) logFile(name string) string { return filepath.Join(t.Logs, name+".log") }
