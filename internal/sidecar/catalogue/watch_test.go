package catalogue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAFolderWithoutAGarmentIsFoundOut(t *testing.T) {
	for name, test := range map[string]struct {
		files []string
		want  error
	}{
		"empty":                  {nil, ErrEmpty},
		"a file system's folder": {[]string{"lost+found"}, ErrEmpty},
		"masks alone":            {[]string{"a.mask.png", "b.mask.png"}, ErrEmpty},
		"other pictures":         {[]string{"a.gif", "a.PNG", "-a.png"}, ErrEmpty},
		"a garment":              {[]string{"a.mask.png", "z.jpg"}, nil},
		"a garment among many":   {append(numbered(300, "%d.txt"), "z.png"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range test.files {
				write(t, dir, file, "x")
			}
			if err := open(t, dir, Options{}).Check(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func numbered(n int, format string) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf(format, i))
	}
	return names
}

func TestTroubleIsToldUntilItIsMended(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := open(t, dir, Options{})
		if words, looked := c.Trouble(); looked {
			t.Errorf("before the first look: %q", words)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { c.Watch(ctx); close(done) }()
		synctest.Wait()
		if words, looked := c.Trouble(); !looked || !strings.Contains(words, "holds no garment") {
			t.Errorf("of an empty folder: %q, looked %t", words, looked)
		}
		write(t, dir, "a.png", "picture")
		<-time.After(lookTrouble + time.Second)
		if words, looked := c.Trouble(); !looked || words != "" {
			t.Errorf("once it is mended: %q, looked %t", words, looked)
		}
		if err := os.Remove(filepath.Join(dir, "a.png")); err != nil {
			t.Fatal(err)
		}
		<-time.After(lookFine + time.Second)
		if words, _ := c.Trouble(); words == "" {
			t.Error("nobody looked again")
		}
		cancel()
		<-done
	})
}
