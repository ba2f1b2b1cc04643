package folder_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/braincreators/tryon-operator/internal/artefact/folder"
)

func open(t *testing.T) (*folder.Folder, string) {
	t.Helper()
	at := t.TempDir()
	f, err := folder.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, at
}

func names(t *testing.T, at string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(at, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAFolderThatBecomesALinkDuringAWriteLeadsNowhere(t *testing.T) {
	f, at := open(t)
	outside := t.TempDir()
	err := f.Write(t.Context(), "blobs/sha256/aa", func(w io.Writer) error {
		_, err := w.Write([]byte("weights"))
		return errors.Join(err, os.Rename(filepath.Join(at, "blobs"), filepath.Join(at, "aside")), os.Symlink(outside, filepath.Join(at, "blobs")))
	})
	if !errors.Is(err, folder.ErrUnsafePath) {
		t.Errorf("got %v, want ErrUnsafePath: the name that was asked for is not there", err)
	}
	if found := names(t, outside); len(found) > 0 {
		t.Errorf("written outside: %v", found)
	}
}

func TestAWriteThatFailsLeavesWhatWasThere(t *testing.T) {
	broken := errors.New("broken")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		fill error
		want error
	}{
		"the source breaks":    {t.Context(), broken, broken},
		"the context is ended": {ended, nil, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			f, at := open(t)
			old := func(w io.Writer) error { _, err := io.WriteString(w, "old"); return err }
			if err := f.Write(t.Context(), "stages/ab.json", old); err != nil {
				t.Fatal(err)
			}
			err := f.Write(test.ctx, "stages/ab.json", func(w io.Writer) error {
				_, err := io.WriteString(w, "half")
				return errors.Join(err, test.fill)
			})
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			body, err := os.ReadFile(filepath.Join(at, "stages", "ab.json"))
			if found := names(t, at); err != nil || string(body) != "old" || !slices.Equal(found, []string{"ab.json"}) {
				t.Errorf("there is %v with %q, %v", found, body, err)
			}
		})
	}
}

func TestWhatCannotBeAFileOfAFolderIsRefused(t *testing.T) {
	f, at := open(t)
	if err := os.MkdirAll(filepath.Join(at, "stages", "ab"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../x", "/etc/x", "stages/../../x"} {
		if err := f.Write(t.Context(), name, func(io.Writer) error { return nil }); !errors.Is(err, folder.ErrUnsafePath) {
			t.Errorf("writing %q: %v, want ErrUnsafePath", name, err)
		}
		if _, err := f.Look(name); !errors.Is(err, folder.ErrUnsafePath) {
			t.Errorf("looking at %q: %v, want ErrUnsafePath", name, err)
		}
		if err := f.Remove(name); !errors.Is(err, folder.ErrUnsafePath) {
			t.Errorf("removing %q: %v, want ErrUnsafePath", name, err)
		}
	}
	if _, _, err := f.Read("stages/ab"); !errors.Is(err, folder.ErrUnsafePath) {
		t.Errorf("reading a folder: %v, want ErrUnsafePath", err)
	}
	// A name that is taken is no attempt to leave.
	if err := f.Write(t.Context(), "stages/ab", func(io.Writer) error { return nil }); err == nil || errors.Is(err, folder.ErrUnsafePath) {
		t.Errorf("writing over a folder: %v, want what the system says", err)
	}
	for what, err := range map[string]error{"removing": f.Remove("none/x"), "looking": second(f.Look("none/x"))} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s what is not there: %v, want fs.ErrNotExist", what, err)
		}
	}
}

func second(_ fs.FileInfo, err error) error { return err }
