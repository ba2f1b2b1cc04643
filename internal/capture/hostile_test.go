package capture

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/braincreators/tryon-operator/internal/oip"
)

// rewritten gives a good file's bytes with one entry changed; nil leaves it out.
func rewritten(t *testing.T, change map[string][]byte) []byte {
	t.Helper()
	r := compared(noon)
	body, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	for _, f := range archive.File {
		content, err := entry(archive, f.Name, maxPicture)
		if other, changed := change[f.Name]; changed {
			content = other
		}
		if content == nil {
			continue
		}
		into, err2 := w.Create(f.Name)
		if err = errors.Join(err, err2); err == nil {
			_, err = into.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestFilesOfStrangersAreRefusedWithinBounds(t *testing.T) {
	notesOf := func(change string) []byte {
		return []byte(strings.NewReplacer("HEIGHT", "16", "SCHEMA", Schema).Replace(
			`{"schema":"SCHEMA","takenAt":"2026-11-27T12:00:00Z","version":"v","height":HEIGHT,"width":12` + change + `}`))
	}
	small, err := (&Request{TakenAt: noon, Signature: oip.NewSignature(8, 8)}).encode()
	if err == nil {
		t.Fatalf("a request without pictures was encoded to %d bytes", len(small))
	}
	for name, body := range map[string][]byte{
		"nothing":                 {},
		"no archive":              []byte("MZ this is no archive"),
		"a cut archive":           rewritten(t, nil)[:400],
		"no document":             rewritten(t, map[string][]byte{notesName: nil}),
		"no person":               rewritten(t, map[string][]byte{"person.png": nil}),
		"no answer, though one":   rewritten(t, map[string][]byte{candidateName: nil}),
		"a picture that is none":  rewritten(t, map[string][]byte{"image.png": []byte("GIF89a")}),
		"a huge document":         rewritten(t, map[string][]byte{notesName: bytes.Repeat([]byte(" "), maxNotes+1)}),
		"a bomb":                  rewritten(t, map[string][]byte{"person.png": make([]byte, maxPicture+1)}),
		"an unknown field":        rewritten(t, map[string][]byte{notesName: notesOf(`,"shopper":"x"`)}),
		"a huge model":            rewritten(t, map[string][]byte{notesName: bytes.Replace(notesOf(""), []byte(":16"), []byte(":1000000"), 1)}),
		"another size":            rewritten(t, map[string][]byte{notesName: bytes.Replace(notesOf(""), []byte(":16"), []byte(":32"), 1)}),
		"another schema":          rewritten(t, map[string][]byte{notesName: bytes.Replace(notesOf(""), []byte("/v1"), []byte("/v9"), 1)}),
		"a disagreement of 2":     rewritten(t, map[string][]byte{notesName: notesOf(`,"compared":{"epoch":"e","version":"v","answered":false,"garment":2,"outside":0}`)}),
		"a negative disagreement": rewritten(t, map[string][]byte{notesName: notesOf(`,"compared":{"epoch":"e","version":"v","answered":false,"garment":0,"outside":-1}`)}),
		"more entries than it can have": func() []byte {
			var out bytes.Buffer
			w := zip.NewWriter(&out)
			for i := range 5000 {
				if _, err := w.Create(fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return out.Bytes()
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, "file://"+t.TempDir())
			at := newName(noon)
			if err := f.put(t.Context(), at, body); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := f.Read(t.Context(), at)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrBadFile) {
				t.Errorf("got %v, want ErrBadFile", err)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 8*maxPicture {
				t.Errorf("reading took %d MiB", got>>20)
			}
		})
	}
}

func TestWhatIsNoFileIsNeitherReadNorListed(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := errors.Join(os.Mkdir(in, 0o700), os.WriteFile(filepath.Join(dir, "secret"), []byte("token"), 0o600)); err != nil {
		t.Fatal(err)
	}
	f := open(t, "file://"+in)
	for what, make := range map[string]func(path string) error{
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":   func(path string) error { return os.Symlink("../secret", path) },
	} {
		name := newName(noon)
		if err := make(filepath.Join(in, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Read(t.Context(), name); err == nil {
			t.Errorf("a %s was read", what)
		}
	}
	if got := listed(t, f); len(got) != 0 {
		t.Errorf("listed are %v", got)
	}
	if _, err := f.Read(t.Context(), newName(noon)); !errors.Is(err, ErrNotFound) {
		t.Errorf("a file that has gone: %v", err)
	}
	if _, err := f.Read(t.Context(), "../secret"); !errors.Is(err, ErrBadFile) {
		t.Errorf("a name that leads elsewhere: %v", err)
	}
}

func TestAFileThatIsTooLargeIsNotReadWhole(t *testing.T) {
	dir := t.TempDir()
	f := open(t, "file://"+dir)
	name := newName(noon)
	large, err := os.Create(filepath.Join(dir, name))
	if err == nil {
		err = errors.Join(large.Truncate(10*maxFile), large.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(t.Context(), name); !errors.Is(err, ErrBadFile) {
		t.Errorf("got %v, want ErrBadFile", err)
	}
}
