package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/braincreators/tryon-operator/internal/report"
)

// uploadPatience bounds the last checkpoint's upload after the command has ended.
const uploadPatience = 10 * time.Minute

// train runs the command to its end and watches it.
func (s *session) train(ctx context.Context) error {
	env, err := s.dirs.environment(os.Environ(), s.o.Task)
	if err != nil {
		return errored(ReasonBadTask, err)
	}
	last := &tail{}
	// The context's end is a wish to stop, passed on as SIGTERM by watch; it must not kill.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.o.Command[0], s.o.Command[1:]...)
	cmd.Env = env
	words, err := connect(cmd)
	if err != nil {
		return errored(ReasonCommandNotStarted, err)
	}
	// A group of its own, so that data loaders that outlive the command can be ended with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.meter.train(s.resumed)
	if err := cmd.Start(); err != nil {
		words.close(words.readers, words.writers)
		return errored(ReasonCommandNotStarted, fmt.Errorf("starting the command: %w", err))
	}
	words.carry(io.MultiWriter(s.o.Out, last), io.MultiWriter(s.o.Err, last))
	var keep *saver
	if s.o.Rank == 0 {
		keep = newSaver(ctx, s)
	}
	w := &watch{s: s, cmd: cmd, keep: keep, tail: last, words: words, reader: &progressReader{path: s.dirs.progress}}
	err = w.wait(ctx)
	if keep != nil {
		keep.finish(uploadPatience)
	}
	return s.settle(ctx, err)
}

// settle removes checkpoints that an unhealthy stage must not be resumed from.
func (s *session) settle(ctx context.Context, err error) error {
	var h *report.Halt
	if !errors.As(err, &h) || s.o.Rank != 0 || (h.Reason != ReasonNonFiniteLoss && h.Reason != ReasonMetricOutOfBounds) {
		return err
	}
	// What this attempt began from is none of its doing: it stays also when the first words are bad ones.
	healthy := max(s.resumed, s.meter.healthyStep())
	if discardErr := s.forgetAfter(context.WithoutCancel(ctx), healthy); discardErr != nil {
		s.say("keeping unhealthy checkpoints: %v", discardErr)
	}
	return err
}

// watch is one run of the command.
type watch struct {
	s      *session
	cmd    *exec.Cmd
	keep   *saver
	tail   *tail
	words  *output
	reader *progressReader
	// unhealthy is why the command was stopped by us; stopped is true when the pod was asked to.
	unhealthy error
	stopped   bool
}

func (w *watch) wait(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- w.cmd.Wait() }()
	tick := time.NewTicker(w.s.o.Interval)
	defer tick.Stop()
	asked := ctx.Done()
	var kill <-chan time.Time
	for {
		select {
		case err := <-ended:
			// Whatever of the group is left must not write into folders that are being published.
			_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL)
			w.words.drain()
			w.look()
			return w.judge(err)
		case <-asked:
			w.stopped, asked = true, nil
			kill = w.terminate()
		case <-kill:
			w.s.say("the command did not end within %s, killing it", w.s.o.Grace)
			_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL)
		case <-tick.C:
			if w.unhealthy == nil && w.look() {
				kill = w.terminate()
			}
		}
	}
}

func (w *watch) terminate() <-chan time.Time {
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	return time.After(w.s.o.Grace)
}

// look reads new progress, and offers the newest checkpoint while the stage is healthy. It is true when health ended now.
func (w *watch) look() bool {
	if w.unhealthy != nil {
		return false
	}
	// The order matters: progress first, so that a checkpoint is offered only after the words that precede it were read.
	newest := newestStep(w.s.dirs.checkpoints)
	for _, line := range w.reader.read() {
		p, err := parseProgress(line)
		if err != nil {
			w.s.say("ignoring a line of TRYON_PROGRESS: %v", err)
			continue
		}
		if w.unhealthy = w.s.meter.accept(p); w.unhealthy != nil {
			w.s.say("stopping the command: %v", w.unhealthy)
			return true
		}
	}
	if w.keep != nil && newest > 0 {
		w.keep.offer(newest)
	}
	return false
}

// judge says what the command's end means.
func (w *watch) judge(err error) error {
	if w.unhealthy != nil {
		return w.unhealthy
	}
	if err == nil {
		return nil
	}
	if w.followed() {
		w.s.say("the command stopped because rank 0 does, which says why")
		return nil
	}
	if w.stopped {
		return errored(ReasonTerminated, fmt.Errorf("asked to stop at step %d: %w", w.s.meter.snapshot().Step, err))
	}
	if w.refused() {
		return failed(ReasonParamsRefused, fmt.Errorf("the command refused its parameters; correct training.stages[%s].params: %s", w.s.o.Task.Stage, w.tail.text()))
	}
	if text := w.tail.text(); text != "" {
		return errored(ReasonCommandFailed, fmt.Errorf("the command ended with %w; its last words:\n%s", err, text))
	}
	return errored(ReasonCommandFailed, fmt.Errorf("the command ended with %w and said nothing", err))
}

// exitUsage is the exit code by which a program says that it was called wrongly, as shells, Python's argparse and the trainer do.
const exitUsage = 2

// followed tells whether the command of another rank than 0 ended as on request without having been asked: its ranks agreed to stop.
// That is no crash of its own, for which an operator would start the stage again: the outcome is rank 0's.
func (w *watch) followed() bool {
	return w.s.o.Rank != 0 && !w.stopped && w.cmd.ProcessState.ExitCode() == report.ExitTerminated
}

// refused tells whether the command did not even begin because of what it was asked for.
func (w *watch) refused() bool {
	return w.cmd.ProcessState.ExitCode() == exitUsage && w.s.meter.snapshot().Step == 0
}
