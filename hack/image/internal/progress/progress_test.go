package progress

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBeginSaysHowLongItUsuallyTakesAndHowLongItTook(t *testing.T) {
	now := time.Unix(100, 0)
	var out strings.Builder
	l := New(&out, func() time.Time { return now })
	now = now.Add(1500 * time.Millisecond)
	done := l.Begin("baking", "an hour")
	now = now.Add(2 * time.Second)
	done()
	want := "   1.5s  baking … (typically an hour)\n   3.5s  baking: done in 2.0s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestANilLogIsSilent(t *testing.T) {
	var l *Log
	l.Say("nothing")
	l.Begin("nothing", "never")()
}
