package folder_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/folder"
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
	err := f.Write(t.Context(), "blobs/sha256/aa", 0o666, func(w io.Writer) error {
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
			if err := f.Write(t.Context(), "stages/ab.json", 0o666, old); err != nil {
				t.Fatal(err)
			}
			err := f.Write(test.ctx, "stages/ab.json", 0o666, func(w io.Writer) error {
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
		if err := f.Write(t.Context(), name, 0o666, func(io.Writer) error { return nil }); !errors.Is(err, folder.ErrUnsafePath) {
			t.Errorf("writing %q: %v, want ErrUnsafePath", name, err)
		}
		if _, err := f.Look(name); !errors.Is(err, folder.ErrUnsafePath) {
			t.Errorf("looking at %q: %v, want ErrUnsafePath", name, err)
		}
		if err := f.Remove(name); !errors.Is(err, folder.ErrUnsafePath) {
			t.Errorf("removing %q: %v, want ErrUnsafePath", name, err)
		}
	}
	// A name that is taken is no attempt to leave.
	if err := f.Write(t.Context(), "stages/ab", 0o666, func(io.Writer) error { return nil }); err == nil || errors.Is(err, folder.ErrUnsafePath) {
		t.Errorf("writing over a folder: %v, want what the system says", err)
	}
	for what, err := range map[string]error{"removing": f.Remove("none/x"), "looking": second(f.Look("none/x"))} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s what is not there: %v, want fs.ErrNotExist", what, err)
		}
	}
}

func second(_ fs.FileInfo, err error) error { return err }

// lay makes what a folder may hold besides files, all outside of it saying "secret": each is made by one that mounts the same claim.
func lay(t *testing.T, at string) {
	t.Helper()
	outside := t.TempDir()
	if err := errors.Join(
		os.WriteFile(filepath.Join(outside, "token"), []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(at, "file"), []byte("ours"), 0o600),
		os.MkdirAll(filepath.Join(at, "dir"), 0o755),
		os.WriteFile(filepath.Join(at, "dir", "deep"), []byte("ours"), 0o600),
		os.Symlink("dir/deep", filepath.Join(at, "link-within")),
		os.Symlink("dir", filepath.Join(at, "dir-within")),
		os.Symlink(filepath.Join(outside, "token"), filepath.Join(at, "link-out")),
		os.Symlink("../"+filepath.Base(outside)+"/token", filepath.Join(at, "relative-out")),
		os.Symlink(outside, filepath.Join(at, "dir-out")),
		os.Symlink("nowhere", filepath.Join(at, "dangling")),
		syscall.Mkfifo(filepath.Join(at, "pipe"), 0o600),
		os.Symlink("pipe", filepath.Join(at, "link-to-pipe")),
		syscall.Mknod(filepath.Join(at, "socket"), syscall.S_IFSOCK|0o600, 0),
	); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyFilesOfTheFolderAreRead(t *testing.T) {
	f, at := open(t)
	lay(t, at)
	for name, want := range map[string]error{
		"file": nil, "dir/deep": nil, "link-within": nil, "dir-within/deep": nil,
		"link-out": folder.ErrUnsafePath, "relative-out": folder.ErrUnsafePath, "dir-out/token": folder.ErrUnsafePath, "../x": folder.ErrUnsafePath,
		"dir": folder.ErrIrregular, "pipe": folder.ErrIrregular, "link-to-pipe": folder.ErrIrregular,
		// The system opens no socket, so there is nothing to look at.
		"socket":   syscall.ENXIO,
		"dangling": fs.ErrNotExist, "none": fs.ErrNotExist, "none/x": fs.ErrNotExist,
	} {
		file, info, err := f.Read(name)
		if !errors.Is(err, want) || errors.Is(err, folder.ErrIrregular) != errors.Is(want, folder.ErrIrregular) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err != nil {
			continue
		}
		if body, err := io.ReadAll(file); err != nil || string(body) != "ours" || info.Size() != 4 {
			t.Errorf("%s: %q of %d bytes, %v", name, body, info.Size(), err)
		}
		_ = file.Close()
	}
	if !errors.Is(folder.ErrIrregular, folder.ErrUnsafePath) {
		t.Error("who asks for unsafe paths alone must be told of pipes as well")
	}
}

func TestAListingFollowsNoLink(t *testing.T) {
	f, at := open(t)
	lay(t, at)
	if err := os.Mkdir(filepath.Join(at, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, at, "lost+found/inode", "the file system's")
	var visited []string
	err := f.Walk(t.Context(), ".", func(name string, info fs.FileInfo) error {
		visited = append(visited, name)
		if strings.Contains(name, "-out") && info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("%s was looked at through the link: %s", name, info.Mode())
		}
		return nil
	})
	want := []string{"dangling", "dir/deep", "dir-out", "dir-within", "file", "link-out", "link-to-pipe", "link-within", "pipe", "relative-out", "socket"}
	if diff := cmp.Diff(want, visited); err != nil || diff != "" {
		t.Errorf("visited (-want +got), %v:\n%s", err, diff)
	}
	for top, want := range map[string]error{"none": nil, "dir-out": folder.ErrUnsafePath, "..": folder.ErrUnsafePath, "file/x": syscall.ENOTDIR} {
		if err := f.Walk(t.Context(), top, func(name string, _ fs.FileInfo) error { return errors.New("visited " + name) }); !errors.Is(err, want) {
			t.Errorf("below %s: %v, want %v", top, err, want)
		}
	}
	got, err := listed(t.Context(), f, ".")
	wantNames := []string{"dangling", "dir", "dir-out", "dir-within", "file", "link-out", "link-to-pipe", "link-within", "lost+found", "pipe", "relative-out", "socket"}
	if diff := cmp.Diff(wantNames, got); err != nil || diff != "" {
		t.Errorf("names (-want +got), %v:\n%s", err, diff)
	}
	for dir, want := range map[string]error{"none": fs.ErrNotExist, "dir-out": folder.ErrUnsafePath, "..": folder.ErrUnsafePath, "pipe": syscall.ENOTDIR} {
		if got, err := listed(t.Context(), f, dir); !errors.Is(err, want) || len(got) > 0 {
			t.Errorf("names in %s: %v, %v, want %v", dir, got, err, want)
		}
	}
}

// listed collects names in a folder, sorted.
func listed(ctx context.Context, f *folder.Folder, dir string) (all []string, err error) {
	for name, err := range f.Names(ctx, dir) {
		if err != nil {
			return all, err
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return all, nil
}

func write(t *testing.T, at, name, body string) string {
	t.Helper()
	path := filepath.Join(at, name)
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestManyNamesAreHandedOutUntilNobodyWantsMore(t *testing.T) {
	f, at := open(t)
	const files = 250
	for i := range files {
		write(t, at, strconv.Itoa(i), "")
	}
	if all, err := listed(t.Context(), f, "."); err != nil || len(slices.Compact(all)) != files {
		t.Errorf("%d names, %v", len(all), err)
	}
	taken := 0
	for range f.Names(t.Context(), ".") {
		if taken++; taken == 3 {
			break
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if all, err := listed(ended, f, "."); !errors.Is(err, context.Canceled) || len(all) == files {
		t.Errorf("%d names once the context is ended, %v", len(all), err)
	}
}

func TestAFileThatVanishesWhileItsFolderIsListedIsNotVisited(t *testing.T) {
	f, at := open(t)
	for _, name := range []string{"a", "b", "c"} {
		write(t, at, name, "x")
	}
	if err := os.MkdirAll(filepath.Join(at, "d", "e"), 0o755); err != nil {
		t.Fatal(err)
	}
	var visited []string
	err := f.Walk(t.Context(), ".", func(name string, _ fs.FileInfo) error {
		visited = append(visited, name)
		if name == "a" {
			return errors.Join(os.Remove(filepath.Join(at, "b")), os.RemoveAll(filepath.Join(at, "d")))
		}
		return nil
	})
	if err != nil || !slices.Equal(visited, []string{"a", "c"}) {
		t.Errorf("visited %v, %v", visited, err)
	}
}

func TestPartsOfFilesGoOnceTheirWriterMustBeDead(t *testing.T) {
	const stale = 10 * time.Minute
	f, at := open(t)
	outside := write(t, t.TempDir(), "old", "somebody else's")
	then := time.Now().Add(-time.Hour)
	for name, written := range map[string]time.Time{
		".partial-old": then, ".partial-new": time.Now(), ".partial-ahead": time.Now().Add(time.Hour), "notes.partial-": then, "old.tmp": then,
	} {
		if err := os.Chtimes(write(t, at, name, "x"), written, written); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink(outside, filepath.Join(at, ".partial-link")), os.Mkdir(filepath.Join(at, ".partial-dir"), 0o755),
		os.Chtimes(outside, then, then), os.Chtimes(filepath.Join(at, ".partial-dir"), then, then)); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveStale(t.Context(), ".", stale); err != nil {
		t.Fatal(err)
	}
	want := []string{".partial-ahead", ".partial-dir", ".partial-link", ".partial-new", "notes.partial-", "old.tmp"}
	if got, err := listed(t.Context(), f, "."); err != nil || !slices.Equal(got, want) {
		t.Errorf("left are %v, %v", got, err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("outside: %v", err)
	}
	if err := f.RemoveStale(t.Context(), "none", stale); err != nil {
		t.Errorf("in a folder that was never made: %v", err)
	}
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(at, "out")); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveStale(t.Context(), "out", stale); !errors.Is(err, folder.ErrUnsafePath) {
		t.Errorf("in a folder behind a link: %v, want ErrUnsafePath", err)
	}
}

func TestAFileIsSeenOnlyWhenItIsWhole(t *testing.T) {
	f, at := open(t)
	err := f.Write(t.Context(), "stages/ab.json", 0o640, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		during, listing := listed(t.Context(), f, "stages")
		if len(during) != 1 || !folder.Partial("stages/"+during[0]) {
			t.Errorf("while it is written there is %v", during)
		}
		return errors.Join(err, listing)
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Look("stages/ab.json")
	if found := names(t, at); err != nil || info.Mode() != 0o640 || !slices.Equal(found, []string{"ab.json"}) || folder.Partial("stages/ab.json") {
		t.Errorf("there is %v, %v, %v", found, info, err)
	}
}

func TestALinkIsReplacedOrRemovedItself(t *testing.T) {
	f, at := open(t)
	outside := write(t, t.TempDir(), "token", "somebody else's")
	for _, name := range []string{"written", "removed"} {
		if err := os.Symlink(outside, filepath.Join(at, name)); err != nil {
			t.Fatal(err)
		}
	}
	ours := func(w io.Writer) error { _, err := io.WriteString(w, "ours"); return err }
	if err := errors.Join(f.Write(t.Context(), "written", 0o600, ours), f.Remove("removed")); err != nil {
		t.Fatal(err)
	}
	if body, err := os.ReadFile(outside); err != nil || string(body) != "somebody else's" {
		t.Errorf("outside is %q, %v", body, err)
	}
	if info, err := f.Look("written"); err != nil || !info.Mode().IsRegular() {
		t.Errorf("what was written is %v, %v", info, err)
	}
	if _, err := f.Look("removed"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was removed: %v", err)
	}
}

func TestAURINamesAFolderAndNothingElse(t *testing.T) {
	for uri, want := range map[string]string{
		"file:///a/b/": "/a/b", "file:///a%20b": "/a b", "file://host/a": "", "file:a": "", "file:///a?x=y": "", "": "",
	} {
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := folder.At(u); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", uri, got, err, want)
		}
	}
}
