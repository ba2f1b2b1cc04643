package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Log writes one line per event. A nil Log is silent.
type Log struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
	now   func() time.Time
}

// New writes to out; now is the clock.
func New(out io.Writer, now func() time.Time) *Log {
	return &Log{out: out, start: now(), now: now}
}

// Say writes one line, after the time since the start.
func (l *Log) Say(format string, args ...any) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%6.1fs  %s\n", l.now().Sub(l.start).Seconds(), fmt.Sprintf(format, args...))
}

// Begin says that something starts, with its typical duration, and returns what says that it is done.
func (l *Log) Begin(what, typical string) (done func()) {
	if l == nil {
		return func() {}
	}
	begin := l.now()
	l.Say("%s … (typically %s)", what, typical)
	return func() { l.Say("%s: done in %.1fs", what, l.now().Sub(begin).Seconds()) }
}
