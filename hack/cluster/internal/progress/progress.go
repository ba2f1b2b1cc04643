package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Printer prints one line per step: on a terminal a line that lives until the step ends, elsewhere one at its end,
// and one at its start too when the step usually takes longer than quiet.
type Printer struct {
	Out      io.Writer
	Terminal bool

	mu sync.Mutex
}

// quiet is how long a step may take before a log without a terminal should say that it has begun.
const quiet = 5 * time.Second

// New prints to a file, as a terminal when it is one.
func New(out *os.File) *Printer {
	info, err := out.Stat()
	return &Printer{Out: out, Terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// A Step is something being done now.
type Step struct {
	printer *Printer
	title   string
	usual   time.Duration
	began   time.Time
	stop    chan struct{}
	stopped sync.WaitGroup

	mu     sync.Mutex
	detail string
}

// Do runs one step and prints how it went.
func (p *Printer) Do(title string, usual time.Duration, do func(*Step) error) error {
	step := &Step{printer: p, title: title, usual: usual, began: time.Now(), stop: make(chan struct{})}
	step.begin()
	err := do(step)
	step.end(err)
	return err
}

// Say prints a line between steps.
func (p *Printer) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.Out, format+"\n", args...)
}

// Detail sets what the step is at, for example "412 of 1893 packages".
func (s *Step) Detail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.detail = fmt.Sprintf(format, args...)
}

func (s *Step) begin() {
	interval := time.Second / 2
	if !s.printer.Terminal {
		interval = time.Minute
		if s.usual > quiet {
			s.printer.Say("  · %s", s.line())
		}
	}
	s.stopped.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			s.draw()
			select {
			case <-ticker.C:
			case <-s.stop:
				return
			}
		}
	})
}

// draw rewrites the line of a terminal, or adds one to a log when there is news.
func (s *Step) draw() {
	if s.printer.Terminal {
		s.printer.mu.Lock()
		defer s.printer.mu.Unlock()
		fmt.Fprintf(s.printer.Out, "\r\033[K  · %s", s.line())
		return
	}
	if time.Since(s.began) >= time.Minute {
		s.printer.Say("  · %s", s.line())
	}
}

func (s *Step) line() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.title
	if s.detail != "" {
		line += ", " + s.detail
	}
	if elapsed := time.Since(s.began); elapsed > time.Second {
		line += ", " + round(elapsed)
	}
	if s.usual > 0 {
		line += " (usually " + round(s.usual) + ")"
	}
	return line
}

func (s *Step) end(err error) {
	close(s.stop)
	s.stopped.Wait()
	mark, clear := "✓", ""
	if err != nil {
		mark = "✗"
	}
	if s.printer.Terminal {
		clear = "\r\033[K"
	}
	s.printer.Say("%s  %s %s  %s", clear, mark, s.title, round(time.Since(s.began)))
}

// round shows tenths of seconds below ten seconds, whole seconds below two minutes and minutes above.
func round(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	default:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
}
