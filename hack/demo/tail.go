package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

const tailLines = 15

// tail keeps the last lines of a program's output and says the newest.
type tail struct {
	mu      sync.Mutex
	say     func(string)
	partial string
	lines   []string
}

// Write takes any piece of output.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.partial + strings.ReplaceAll(string(p), "\r", "\n")
	pieces := strings.Split(text, "\n")
	t.partial = pieces[len(pieces)-1]
	for _, line := range pieces[:len(pieces)-1] {
		if line = strings.TrimSpace(line); line != "" {
			t.lines = append(t.lines, line)
			t.say(line)
		}
	}
	if over := len(t.lines) - tailLines; over > 0 {
		t.lines = t.lines[over:]
	}
	return len(p), nil
}

func (t *tail) last() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.lines...)
}

// both writes to two writers.
type both struct{ a, b io.Writer }

func (w both) Write(p []byte) (int, error) {
	if _, err := w.a.Write(p); err != nil {
		return 0, fmt.Errorf("writing log: %w", err)
	}
	return w.b.Write(p)
}
