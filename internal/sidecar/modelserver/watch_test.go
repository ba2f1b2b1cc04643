package modelserver

import (
	"errors"
	"testing"
	"time"
)

func TestWrongWeightsAreAskedEverMoreSeldom(t *testing.T) {
	wait := watchWhenBroken
	for range 3 {
		next := pause(errMismatch, wait)
		if next <= wait {
			t.Errorf("after %s comes %s, want a longer pause", wait, next)
		}
		wait = next
	}
	for range 10 {
		wait = pause(errMismatch, wait)
	}
	if wait != watchWhenWrong {
		t.Errorf("the pause grows to %s, want %s", wait, watchWhenWrong)
	}
	if got := pause(errors.New("connection refused"), wait); got != watchWhenBroken {
		t.Errorf("a model server that is down is asked again after %s, want %s", got, watchWhenBroken)
	}
	if got := pause(nil, wait); got != 2*time.Second {
		t.Errorf("a sound one is looked at after %s", got)
	}
}
