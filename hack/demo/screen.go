package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// mark is where a line of the screen stands.
type mark int

const (
	waiting mark = iota
	running
	done
	failed
)

// line is one step as a person sees it.
type line struct {
	title   string
	note    string
	mark    mark
	started time.Time
	took    time.Duration
}

// screen shows the steps: redrawn in place on a terminal, one line per change elsewhere.
type screen struct {
	mu      sync.Mutex
	out     io.Writer
	live    bool
	started time.Time
	lines   []*line
	drawn   int
}

// newScreen makes a screen with the steps' titles; a terminal gets the live view unless CI or TERM=dumb say otherwise.
func newScreen(out *os.File, titles ...string) *screen {
	info, err := out.Stat()
	live := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == ""
	s := &screen{out: out, live: live, started: time.Now()}
	for _, title := range titles {
		s.lines = append(s.lines, &line{title: title})
	}
	return s
}

// begin marks a step as running.
func (s *screen) begin(i int, note string) { s.set(i, running, note) }

// note changes what stands beside a running step.
func (s *screen) note(i int, note string) { s.set(i, running, note) }

// end marks a step as done, or failed.
func (s *screen) end(i int, note string, err error) {
	if err != nil {
		s.set(i, failed, firstLine(err.Error()))
		return
	}
	s.set(i, done, note)
}

func (s *screen) set(i int, to mark, note string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[i]
	if l.mark == waiting {
		l.started = time.Now()
	}
	changed := l.mark != to || l.note != note
	l.mark, l.note, l.took = to, note, time.Since(l.started)
	if changed && !s.live {
		fmt.Fprintf(s.out, "%s %-12s %7s  %s\n", plainMark(to), l.title, rounded(l.took), note)
	}
}

// run redraws until stop is closed.
func (s *screen) run(stop <-chan struct{}) {
	if !s.live {
		<-stop
		return
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.draw()
		case <-stop:
			s.draw()
			return
		}
	}
}

func (s *screen) draw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	fmt.Fprintf(&b, "\x1b[2K\x1b[1mtry-on demo\x1b[0m  %s\n", rounded(time.Since(s.started)))
	for _, l := range s.lines {
		took := l.took
		if l.mark == running {
			took = time.Since(l.started)
		}
		stamp := ""
		if l.mark != waiting {
			stamp = rounded(took)
		}
		fmt.Fprintf(&b, "\x1b[2K %s %-12s %7s  %s\n", colourMark(l.mark), l.title, stamp, clip(l.note, 96))
	}
	s.drawn = len(s.lines) + 1
	_, _ = io.WriteString(s.out, b.String())
}

// times tells where the time went, longest first being of no interest: in the order of the steps.
func (s *screen) times() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := make([]string, 0, len(s.lines))
	for _, l := range s.lines {
		if l.mark != waiting {
			parts = append(parts, fmt.Sprintf("%s %s", strings.ToLower(l.title), rounded(l.took)))
		}
	}
	return strings.Join(parts, " · ") + " · all " + rounded(time.Since(s.started))
}

func plainMark(m mark) string { return [...]string{"  ", "..", "ok", "!!"}[m] }

func colourMark(m mark) string {
	return [...]string{"\x1b[2m○\x1b[0m", "\x1b[36m▶\x1b[0m", "\x1b[32m✔\x1b[0m", "\x1b[31m✘\x1b[0m"}[m]
}

func rounded(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}

func clip(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return s
}

func firstLine(s string) string {
	before, _, _ := strings.Cut(s, "\n")
	return before
}
