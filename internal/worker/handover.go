package worker

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// terminationLogEnv names the file that takes the envelope; a pod's default is terminationLogDefault.
const (
	terminationLogEnv     = "TRYON_TERMINATION_LOG"
	terminationLogDefault = "/dev/termination-log"
)

// errNoTask says that neither a file nor the environment holds a task.
var errNoTask = errors.New("no task: give --task FILE or set " + task.Env)

// readTask decodes the task from a file, or from the environment when file is empty.
func readTask(file string, into any) error {
	body := []byte(os.Getenv(task.Env))
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("opening task: %w", err)
		}
		defer func() { _ = f.Close() }()
		if body, err = io.ReadAll(io.LimitReader(f, task.MaxBytes+1)); err != nil {
			return fmt.Errorf("reading task: %w", err)
		}
	}
	if len(body) == 0 {
		return errNoTask
	}
	return task.Decode(body, into)
}

// leave ends a subcommand: it writes the envelope where the kubelet picks it up, says the same in a line for people, and
// gives the exit code.
func leave(streams Streams, e report.Envelope) int {
	body, err := e.Encode()
	if err != nil {
		fmt.Fprintf(streams.Err, "%s: %v\n", e.Kind, err)
		return exitErrored
	}
	if err := writeTerminationLog(body); err != nil {
		fmt.Fprintf(streams.Err, "%s: %v\n", e.Kind, err)
		return exitErrored
	}
	line := fmt.Sprintf("%s %s", e.Kind, e.Verdict)
	if e.Reason != "" {
		line += " (" + e.Reason + "): " + e.Message
	}
	fmt.Fprintln(streams.Out, strings.TrimSpace(line))
	if len(e.Summary) > 0 {
		fmt.Fprintln(streams.Out, string(e.Summary))
	}
	if e.Verdict == report.Errored {
		return exitErrored
	}
	return exitDone
}

// writeTerminationLog writes the envelope. Outside a pod the default file does not exist, and nobody misses it.
func writeTerminationLog(body []byte) error {
	path, named := os.LookupEnv(terminationLogEnv)
	if !named || path == "" {
		path, named = terminationLogDefault, false
	}
	flags := os.O_WRONLY | os.O_TRUNC
	if named {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		if !named && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("opening termination log: %w", err)
	}
	_, err = f.Write(body)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing termination log: %w", err)
	}
	return nil
}
