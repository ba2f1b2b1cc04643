package catalogue

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string, o Options) *Catalogue {
	t.Helper()
	c, err := Open(t.Context(), "file://"+dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAGarmentIsReadWithItsMask(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.png", "picture")
	write(t, dir, "a.mask.png", "mask")
	write(t, dir, "b.jpg", "photo")
	c := open(t, dir, Options{})
	for id, want := range map[string]Garment{
		"a": {Picture: []byte("picture"), Mask: []byte("mask")},
		"b": {Picture: []byte("photo")},
	} {
		got, err := c.Get(t.Context(), id)
		if err != nil || string(got.Picture) != string(want.Picture) || string(got.Mask) != string(want.Mask) {
			t.Errorf("%s: %q, %v", id, got, err)
		}
	}
}

func TestIDsThatLeadElsewhereAreRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "secret.png", "x")
	if err := os.Mkdir(filepath.Join(dir, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := open(t, filepath.Join(dir, "in"), Options{})
	for _, id := range []string{"", "../secret", "..", "a/b", `a\b`, ".hidden", "a.mask", "-dash", "a\x00b", "%2e%2e%2fsecret", string(make([]byte, 200))} {
		if _, err := c.Get(t.Context(), id); !errors.Is(err, ErrBadID) {
			t.Errorf("%q: %v, want %v", id, err, ErrBadID)
		}
	}
	if _, err := c.Get(t.Context(), "secret"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an id outside: %v, want %v", err, ErrNotFound)
	}
}

func TestWhatIsNoFileOfTheFolderIsNotRead(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.Mkdir(in, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "secret", "token")
	write(t, in, "inside.jpg", "photo")
	for name, put := range map[string]func(path string) error{
		"pipe":     func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":   func(path string) error { return os.Mkdir(path, 0o700) },
		"outside":  func(path string) error { return os.Symlink("../secret", path) },
		"absolute": func(path string) error { return os.Symlink(filepath.Join(dir, "secret"), path) },
	} {
		if err := put(filepath.Join(in, name+".png")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("inside.jpg", filepath.Join(in, "twin.jpg")); err != nil {
		t.Fatal(err)
	}
	c := open(t, in, Options{})
	for _, id := range []string{"pipe", "folder", "outside", "absolute"} {
		if g, err := c.Get(t.Context(), id); err == nil {
			t.Errorf("%s: read %q", id, g.Picture)
		}
	}
	if g, err := c.Get(t.Context(), "twin"); err != nil || string(g.Picture) != "photo" {
		t.Errorf("a link within the folder: %q, %v", g.Picture, err)
	}
}

func TestAFileOverTheLimitIsRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.png", "12345")
	if _, err := open(t, dir, Options{FileBytes: 4}).Get(t.Context(), "a"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want %v", err, ErrTooLarge)
	}
}

func TestOpenRefusesOtherAddresses(t *testing.T) {
	for _, uri := range []string{"", "https://x/y", "file://host/dir", "file:relative", "s3://user:pass@bucket", "file:///does/not/exist"} {
		if c, err := Open(t.Context(), uri, Options{}); err == nil {
			t.Errorf("%q opened %v", uri, c)
		}
	}
}

func TestACrowdGetsTheSameGarment(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.png", "picture")
	c := open(t, dir, Options{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if g, err := c.Get(t.Context(), "a"); err != nil || string(g.Picture) != "picture" {
				t.Errorf("%q, %v", g.Picture, err)
			}
		})
	}
	wg.Wait()
}

func TestTheCacheIsBoundedInBytesAndAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(10, time.Minute)
		four := Garment{Picture: []byte("1234")}
		c.put("a", four, time.Now())
		c.put("b", four, time.Now())
		c.get("a", time.Now())
		c.put("c", four, time.Now())
		for id, want := range map[string]bool{"a": true, "b": false, "c": true} {
			if _, got := c.get(id, time.Now()); got != want {
				t.Errorf("%s is kept: %v, want %v", id, got, want)
			}
		}
		c.put("huge", Garment{Picture: make([]byte, 11)}, time.Now())
		if c.bytes != 8 {
			t.Errorf("%d bytes are kept, want 8", c.bytes)
		}
		if _, fresh := c.get("a", time.Now().Add(61*time.Second)); fresh || c.bytes != 4 {
			t.Errorf("an old garment is kept: %v, %d bytes", fresh, c.bytes)
		}
	})
}
