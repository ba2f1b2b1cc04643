package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func open(t *testing.T) *Cache {
	t.Helper()
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFillMakesAnEntryOnceForManyCallersAtOnce(t *testing.T) {
	c := open(t)
	var made atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			dir, err := c.Fill("kind", "name", Key("x"), func(dir string) error {
				made.Add(1)
				return os.WriteFile(filepath.Join(dir, "file"), []byte("whole"), 0o644)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if text, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(text) != "whole" {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
	group.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
}

func TestFillLeavesNothingWhenMakingFails(t *testing.T) {
	c, boom := open(t), errors.New("boom")
	if _, err := c.Fill("kind", "name", Key("x"), func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "half"), nil, 0o644); err != nil {
			return err
		}
		return boom
	}); !errors.Is(err, boom) {
		t.Fatalf("want boom, got %v", err)
	}
	list, err := os.ReadDir(c.Path("kind"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if !strings.HasSuffix(e.Name(), ".lock") {
			t.Errorf("%s is left", e.Name())
		}
	}
	if _, err := c.Fill("kind", "name", Key("x"), func(string) error { return nil }); err != nil {
		t.Errorf("the next try: %v", err)
	}
}

func TestFillKeepsTheNewestEntriesOfAName(t *testing.T) {
	c := open(t)
	var dirs []string
	for i := range Keep + 2 {
		dir, err := c.Fill("kind", "name", Key(i), func(string) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(time.Duration(i-100) * time.Minute)
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	other, err := c.Fill("kind", "name-other", Key(0), func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for i, dir := range append(dirs, other) {
		_, err := os.Stat(dir)
		if want := i >= 2; (err == nil) != want {
			t.Errorf("entry %d: kept is %v, want %v", i, err == nil, want)
		}
	}
}

func TestFillRefusesAKeyThatIsNoDigest(t *testing.T) {
	if _, err := open(t).Fill("kind", "name", "short", func(string) error { return nil }); err == nil {
		t.Error("a short key was taken")
	}
}

func TestOpenTakesTheFolderFromTheEnvironment(t *testing.T) {
	want := filepath.Join(t.TempDir(), "mine")
	t.Setenv("TRYON_CACHE", want)
	c, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	if c.Path() != want {
		t.Errorf("got %s, want %s", c.Path(), want)
	}
	t.Setenv("TRYON_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", filepath.Dir(want))
	if c, err = Open(""); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(filepath.Dir(want), "tryon-operator"); c.Path() != want {
		t.Errorf("got %s, want %s", c.Path(), want)
	}
}

func ExampleKey() {
	fmt.Println(Key([]any{"v1", 2})[:16])
	// Output: 9e4727876273c7ec
}

func TestANewEntryOutlivesItsOwnPruningWhateverTimeItsFillingGaveIt(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	for i := range Keep + 2 {
		dir, err := c.Fill("rootfs", "trainer", Key(i), func(dir string) error { return os.Chtimes(dir, old, old) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("entry %d is gone as soon as it was made: %v", i, err)
		}
	}
}
