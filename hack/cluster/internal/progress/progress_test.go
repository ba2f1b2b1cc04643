package progress

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestALogGetsALineAtTheEndOfEachStep(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		usual time.Duration
		err   error
		want  []string
	}{
		"a short step":  {want: []string{"  ✓ working  0.0 s"}},
		"a long step":   {usual: time.Minute, want: []string{"  · working (usually 60 s)", "  ✓ working  0.0 s"}},
		"a failed step": {err: broken, want: []string{"  ✗ working  0.0 s"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := (&Printer{Out: &out}).Do("working", test.usual, func(*Step) error { return test.err })
			if !errors.Is(err, test.err) {
				t.Errorf("error = %v, want %v", err, test.err)
			}
			if got := strings.Join(test.want, "\n") + "\n"; out.String() != got {
				t.Errorf("printed %q, want %q", out.String(), got)
			}
		})
	}
}

func TestATerminalShowsWhereAStepIs(t *testing.T) {
	var out bytes.Buffer
	printer := &Printer{Out: &out, Terminal: true}
	step := &Step{printer: printer, title: "compiling", usual: 12 * time.Minute, began: time.Now()}
	step.Detail("%d of %d packages", 4, 9)
	step.draw()
	if got := out.String(); got != "\r\033[K  · compiling, 4 of 9 packages (usually 12 min)" {
		t.Errorf("printed %q", got)
	}
}
