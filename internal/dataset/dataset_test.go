package dataset_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/synth"
	"github.com/braincreators/tryon-operator/internal/task"
)

func openStore(t *testing.T) *artefact.Store {
	t.Helper()
	store, err := artefact.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func draw(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := synth.Generate(t.Context(), synth.Options{Dir: dir, Seed: 3, Train: 4, Test: 2, Height: 32, Width: 24}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func pin(t *testing.T, store dataset.Documents, dir string) *dataset.Pinned {
	t.Helper()
	p, err := dataset.Pin(t.Context(), store, dataset.PinOptions{URI: "file://" + dir, Layout: dataset.LayoutVITONHD})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestThePinCountsWhatItFound(t *testing.T) {
	p := pin(t, openStore(t), draw(t))
	if p.Height != 32 || p.Width != 24 || len(p.Manifest.Pairs["train"]) != 4 || len(p.Manifest.Pairs["test"]) != 2 || p.Read != len(p.Manifest.Files) {
		t.Errorf("got %dx%d, %d and %d pairs, %d of %d files read", p.Height, p.Width,
			len(p.Manifest.Pairs["train"]), len(p.Manifest.Pairs["test"]), p.Read, len(p.Manifest.Files))
	}
	if want := 6*6 + 2*2 + 3; len(p.Manifest.Files) != want {
		t.Errorf("%d files, want %d", len(p.Manifest.Files), want)
	}
}

func TestTheDigestIsOfTheContentAndNotOfTimesPlacesOrHiddenFiles(t *testing.T) {
	dir := draw(t)
	first := pin(t, openStore(t), dir)
	elsewhere := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(elsewhere, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(elsewhere, "train/image/000001_00.png"), old, old); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(elsewhere, ".DS_Store"), []byte("x"))
	write(t, filepath.Join(elsewhere, "lost+found/y"), []byte("y"))
	if again := pin(t, openStore(t), elsewhere); again.Digest != first.Digest {
		t.Errorf("digests differ: %s and %s", first.Digest, again.Digest)
	}
	write(t, filepath.Join(elsewhere, "train/image/000001_00.png"), []byte("other"))
	if changed := pin(t, openStore(t), elsewhere); changed.Digest == first.Digest {
		t.Error("other content has the same digest")
	}
}

func TestASecondPinReadsOnlyWhatChanged(t *testing.T) {
	dir, store := draw(t), openStore(t)
	first := pin(t, store, dir)
	if again := pin(t, store, dir); again.Read != 0 || again.Digest != first.Digest {
		t.Errorf("read %d files again, digest %s, want none and %s", again.Read, again.Digest, first.Digest)
	}
	// The same size and a time stamp that is set back: the change time tells.
	path := filepath.Join(dir, "train/image/000002_00.png")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 1
	write(t, path, body)
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	changed := pin(t, store, dir)
	if changed.Read != 1 || changed.Digest == first.Digest {
		t.Errorf("read %d files after one changed, digest changed: %v", changed.Read, changed.Digest != first.Digest)
	}
}

func TestABrokenStampCacheOnlyCostsTime(t *testing.T) {
	dir, store := draw(t), openStore(t)
	first := pin(t, store, dir)
	names, err := store.ListDocuments(t.Context(), "pins")
	if err != nil || len(names) != 1 {
		t.Fatalf("stamps: %v %v", names, err)
	}
	if err := store.PutDocument(t.Context(), names[0], []byte(`{"train`)); err != nil {
		t.Fatal(err)
	}
	if again := pin(t, store, dir); again.Digest != first.Digest || again.Read != len(first.Manifest.Files) {
		t.Errorf("digest %s, %d read", again.Digest, again.Read)
	}
}

// TestHostileNamesAreRefused is item 15 of the hostile inputs, for names that a file system can hold.
func TestHostileNamesAreRefused(t *testing.T) {
	file := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { write(t, filepath.Join(dir, name), []byte("x")) }
	}
	link := func(target string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Symlink(target, filepath.Join(dir, "train/image/link.png")); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		make func(t *testing.T, dir string)
		want error
	}{
		"a newline":             {file("train/image/a\nb.png"), dataset.ErrUnsafeName},
		"an escape sequence":    {file("train/image/\x1b[31m.png"), dataset.ErrUnsafeName},
		"a direction mark":      {file("train/image/a\u202egnp.exe"), dataset.ErrUnsafeName},
		"no UTF-8":              {file("train/image/\xff.png"), dataset.ErrUnsafeName},
		"a leading dash":        {file("train/image/-rf.png"), dataset.ErrUnsafeName},
		"a device":              {file("train/image/CON.png"), dataset.ErrUnsafeName},
		"a backslash":           {file(`train/image/a\x.png`), dataset.ErrUnsafeName},
		"a colon":               {file("train/image/c:x.png"), dataset.ErrUnsafeName},
		"a twin by case":        {file("train/image/000001_00.PNG"), dataset.ErrUnsafeName},
		"a folder by case":      {file("Train/x.png"), dataset.ErrUnsafeName},
		"a twin by composition": {func(t *testing.T, dir string) { file("train/é.png")(t, dir); file("train/e\u0301.png")(t, dir) }, dataset.ErrUnsafeName},
		"a link out of it":      {link("/etc/passwd"), dataset.ErrIrregular},
		"a link upwards":        {link("../../../../etc/passwd"), dataset.ErrIrregular},
		"a link to itself":      {link("link.png"), dataset.ErrIrregular},
		"a link to a folder":    {link("../cloth"), dataset.ErrIrregular},
		"a dangling link":       {link("nowhere.png"), dataset.ErrIrregular},
		"a pipe": {func(t *testing.T, dir string) {
			if err := syscall.Mkfifo(filepath.Join(dir, "train/image/pipe.png"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, dataset.ErrIrregular},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := draw(t)
			tt.make(t, dir)
			_, err := dataset.Pin(t.Context(), openStore(t), dataset.PinOptions{URI: "file://" + dir, Layout: dataset.LayoutVITONHD})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestALinkToAFileOfTheTreeIsThatFile(t *testing.T) {
	dir := draw(t)
	if err := os.Symlink("000001_00.png", filepath.Join(dir, "train/image/link.png")); err != nil {
		t.Fatal(err)
	}
	p := pin(t, openStore(t), dir)
	a, _ := p.Manifest.File("train/image/000001_00.png")
	b, ok := p.Manifest.File("train/image/link.png")
	if !ok || a.SHA256 != b.SHA256 || a.Size != b.Size {
		t.Errorf("the link is %+v, the file %+v", b, a)
	}
}

func TestAFolderWithoutTheLayoutSaysWhatItHolds(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "VITON_traindata/train_img/a.jpg"), []byte("x"))
	_, err := dataset.Pin(t.Context(), openStore(t), dataset.PinOptions{URI: "file://" + dir, Layout: dataset.LayoutVITONHD})
	if !errors.Is(err, dataset.ErrLayout) || !strings.Contains(err.Error(), "VITON_traindata") {
		t.Errorf("got %v, want ErrLayout that names VITON_traindata", err)
	}
}

func TestAnEmptyFolderIsNotALayoutFault(t *testing.T) {
	_, err := dataset.Pin(t.Context(), openStore(t), dataset.PinOptions{URI: "file://" + t.TempDir(), Layout: dataset.LayoutVITONHD})
	if !errors.Is(err, dataset.ErrEmpty) || errors.Is(err, dataset.ErrLayout) {
		t.Errorf("got %v, want ErrEmpty only: the folder may still be filled", err)
	}
}

func TestSourcesThatAreNoneAreRefused(t *testing.T) {
	for _, uri := range []string{"http://host/x", "file://host/x", "file:///x?y=z", "s3://user:secret@bucket/x", "s3:///x", "file:relative", "::"} {
		if _, err := dataset.OpenSource(t.Context(), uri); err == nil {
			t.Errorf("%s was opened", uri)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

func TestFetchLaysOutExactlyThePinnedFiles(t *testing.T) {
	dir, store := draw(t), openStore(t)
	p := pin(t, store, dir)
	into := filepath.Join(t.TempDir(), "a/b")
	if err := dataset.Fetch(t.Context(), store, task.Source{URI: "file://" + dir}, p.Digest, into); err != nil {
		t.Fatal(err)
	}
	if again := pin(t, openStore(t), into); again.Digest != p.Digest {
		t.Errorf("fetched %s, want %s", again.Digest, p.Digest)
	}
}

func TestFetchRefusesAnyChangedByteAndLeavesNothing(t *testing.T) {
	changes := map[string]func(body []byte) []byte{
		"the last byte": func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"one byte less": func(b []byte) []byte { return b[:len(b)-1] },
		"one byte more": func(b []byte) []byte { return append(b, 0) },
		"nothing left":  func([]byte) []byte { return nil },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			dir, store := draw(t), openStore(t)
			p := pin(t, store, dir)
			path := filepath.Join(dir, "test/cloth/500001_00.png")
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, change(body))
			parent := t.TempDir()
			err = dataset.Fetch(t.Context(), store, task.Source{URI: "file://" + dir}, p.Digest, filepath.Join(parent, "into"))
			if !errors.Is(err, dataset.ErrChanged) {
				t.Errorf("got %v, want ErrChanged", err)
			}
			if left, _ := os.ReadDir(parent); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestAPipeInThePlaceOfAPinnedFileDoesNotBlockTheFetch(t *testing.T) {
	dir, store := draw(t), openStore(t)
	p := pin(t, store, dir)
	path := filepath.Join(dir, "test/cloth/500001_00.png")
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	err := dataset.Fetch(t.Context(), store, task.Source{URI: "file://" + dir}, p.Digest, filepath.Join(t.TempDir(), "into"))
	if !errors.Is(err, dataset.ErrIrregular) {
		t.Errorf("got %v, want ErrIrregular", err)
	}
}

func TestManifestsThatAreNotCanonicalAreRefused(t *testing.T) {
	p := pin(t, openStore(t), draw(t))
	edit := func(change func(m *dataset.Manifest)) []byte {
		var m dataset.Manifest
		if err := json.Unmarshal(p.Body, &m); err != nil {
			t.Fatal(err)
		}
		change(&m)
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	tests := map[string][]byte{
		"empty":               nil,
		"with white space":    append([]byte(" "), p.Body...),
		"with trailing bytes": append(append([]byte(nil), p.Body...), "{}"...),
		"with another field":  []byte(`{"x":1,` + string(p.Body[1:])),
		"cut off":             p.Body[:len(p.Body)/2],
		"deeply nested":       []byte(strings.Repeat("[", 100_000)),
		"a path upwards":      edit(func(m *dataset.Manifest) { m.Files[0].Path = "../x" }),
		"an absolute path":    edit(func(m *dataset.Manifest) { m.Files[0].Path = "/x" }),
		"a NUL in a path":     edit(func(m *dataset.Manifest) { m.Files[0].Path = "a\x00b" }),
		"a negative size":     edit(func(m *dataset.Manifest) { m.Files[0].Size = -1 }),
		"a size of 2^62":      edit(func(m *dataset.Manifest) { m.Files[0].Size = 1 << 62 }),
		"an odd digest":       edit(func(m *dataset.Manifest) { m.Files[0].SHA256 = "00" }),
		"the same path twice": edit(func(m *dataset.Manifest) { m.Files[1] = m.Files[0] }),
		"another layout":      edit(func(m *dataset.Manifest) { m.Layout = "DressCode" }),
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := dataset.DecodeManifest(body, artefact.DigestOf(body)); !errors.Is(err, dataset.ErrManifest) {
				t.Errorf("got %v, want ErrManifest", err)
			}
		})
	}
	if _, err := dataset.DecodeManifest(p.Body, artefact.DigestOf(nil)); !errors.Is(err, dataset.ErrManifest) {
		t.Errorf("another digest: got %v, want ErrManifest", err)
	}
	m, err := dataset.DecodeManifest(p.Body, p.Digest)
	if err != nil || cmp.Diff(p.Manifest, m) != "" {
		t.Errorf("the manifest itself: %v", err)
	}
}

func TestPairListsAreReadStrictlyAndEveryProblemHasItsLine(t *testing.T) {
	tests := map[string]struct {
		list         string
		wantPairs    int
		wantProblems []string
	}{
		"as it should be":         {"a.png b.png\nc.png d.png\n", 2, nil},
		"with a third column":     {"a.png b.png upper\n", 1, nil},
		"without a last newline":  {"a.png b.png", 1, nil},
		"nothing at all":          {"", 0, nil},
		"a byte order mark":       {"\ufeffa.png b.png\n", 1, []string{"1: starts with a byte order mark"}},
		"carriage returns":        {"a.png b.png\r\nc.png d.png\r\n", 2, []string{"1: ends with a carriage return", "2: ends with a carriage return"}},
		"a repeated row":          {"a.png b.png\na.png b.png\n", 1, []string{"2: repeats line 1"}},
		"two blanks":              {"a.png  b.png\n", 1, []string{"1: has more than one blank between or around its names"}},
		"an empty line":           {"a.png b.png\n\nc.png d.png\n", 2, []string{"2: has 0 fields, want person and garment"}},
		"one name":                {"a.png\n", 0, []string{"1: has 1 fields, want person and garment"}},
		"a path":                  {"../a.png b.png\n", 0, []string{`1: "../a.png" is no file name`}},
		"a name without a suffix": {"a b.png\n", 0, []string{`1: "a" has no extension`}},
		"a NUL":                   {"a\x00.png b.png\n", 0, []string{`1: "a\x00.png" is no file name`}},
		"an endless line":         {strings.Repeat("a", 5000) + "\n", 0, []string{"1: is 5000 bytes long"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			pairs, problems := dataset.ParsePairs([]byte(tt.list))
			var got []string
			for _, p := range problems {
				got = append(got, fmt.Sprintf("%d: %s", p.Line, p.What))
			}
			if diff := cmp.Diff(tt.wantProblems, got); diff != "" || len(pairs) != tt.wantPairs {
				t.Errorf("%d pairs, want %d; problems (-want +got):\n%s", len(pairs), tt.wantPairs, diff)
			}
		})
	}
}

// shifty is a store that changes a file of the source when the stamps are read, that is, between listing and hashing.
type shifty struct {
	dataset.Documents
	once   sync.Once
	change func()
}

func (s *shifty) ReadDocument(ctx context.Context, name string, limit int64) ([]byte, error) {
	s.once.Do(s.change)
	return s.Documents.ReadDocument(ctx, name, limit)
}

func TestAFileThatChangesUnderThePinIsNoticed(t *testing.T) {
	dir := draw(t)
	store := &shifty{Documents: openStore(t), change: func() { write(t, filepath.Join(dir, "train/image/000001_00.png"), []byte("short")) }}
	_, err := dataset.Pin(t.Context(), store, dataset.PinOptions{URI: "file://" + dir, Layout: dataset.LayoutVITONHD})
	if !errors.Is(err, dataset.ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
}
