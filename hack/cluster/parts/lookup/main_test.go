package main

import (
	"context"
	"testing"
)

func TestAKnownHostIsFoundAtOnce(t *testing.T) {
	if err := wait(t.Context(), "localhost"); err != nil {
		t.Error(err)
	}
}

func TestWaitingForAnUnknownHostEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := wait(ctx, "absent.invalid"); err == nil {
		t.Errorf("error = %v", err)
	}
}
