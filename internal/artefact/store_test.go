package artefact_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/artefact/s3test"
)

// opened is a store and the folder that holds its bytes.
type opened struct {
	*artefact.Store
	uri, folder string
}

func open(t *testing.T, uri, folder string) opened {
	t.Helper()
	s, err := artefact.Create(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return opened{Store: s, uri: uri, folder: folder}
}

func fileStore(t *testing.T) opened {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "store")
	return open(t, "file://"+folder, folder)
}

// onEveryBackend runs a test against a folder and against a real S3 server.
func onEveryBackend(t *testing.T, test func(t *testing.T, s opened)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) { test(t, fileStore(t)) })
	t.Run("s3", func(t *testing.T) {
		server := s3test.Start(t)
		test(t, open(t, server.URI("team/store"), filepath.Join(server.Folder, "team", "store")))
	})
}

func write(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, body := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var weights = map[string]string{
	"model.onnx":         strings.Repeat("weights ", 100_000),
	"signature.json":     `{"schema":"tryon.signature/v1"}`,
	"golden/a & <b>.png": "picture",
	"golden/empty":       "",
}

func TestATreeComesBackAsItWasStored(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, s opened) {
		put, err := s.PutTree(t.Context(), write(t, t.TempDir(), weights))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "deep", "down")
		got, err := s.GetTree(t.Context(), put.Digest, dir, artefact.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(put, got); diff != "" {
			t.Errorf("trees differ (-put +got):\n%s", diff)
		}
		if diff := cmp.Diff(weights, read(t, dir)); diff != "" {
			t.Errorf("files differ (-put +got):\n%s", diff)
		}
		if f, ok := got.File("signature.json"); !ok || f.Size != int64(len(weights["signature.json"])) {
			t.Errorf("File(signature.json) = %+v, %v", f, ok)
		}
	})
}

func TestTheSameFilesHaveTheSameDigestOnEveryBackend(t *testing.T) {
	const want = "sha256:f448e691b31c2a4d84428232e0282d6a10b0c3e512f4d66b474e6a49f41ac944"
	onEveryBackend(t, func(t *testing.T, s opened) {
		tree, err := s.PutTree(t.Context(), write(t, t.TempDir(), map[string]string{"b/c": "2", "a": "1", "b-": "3"}))
		if err != nil {
			t.Fatal(err)
		}
		if tree.Digest != want {
			t.Errorf("digest = %s, want %s: the canonical form has changed, which orphans every stored tree", tree.Digest, want)
		}
	})
}

func TestDocumentsAreWrittenReadListedAndDeleted(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, s opened) {
		ctx := t.Context()
		for _, name := range []string{"stages/ab/checkpoints/000000000020.json", "stages/ab/checkpoints/000000000003.json", "stages/abc/stage.json"} {
			if err := s.PutDocument(ctx, name, []byte(`{"old":true}`)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PutDocument(ctx, "stages/abc/stage.json", []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
		body, err := s.ReadDocument(ctx, "stages/abc/stage.json", 2)
		if err != nil || string(body) != `{}` {
			t.Errorf("ReadDocument = %q, %v", body, err)
		}
		if _, err := s.ReadDocument(ctx, "stages/abc/stage.json", 1); !errors.Is(err, artefact.ErrTooLarge) {
			t.Errorf("reading over the limit: %v, want ErrTooLarge", err)
		}
		names, err := s.ListDocuments(ctx, "stages/ab/checkpoints/")
		want := []string{"stages/ab/checkpoints/000000000003.json", "stages/ab/checkpoints/000000000020.json"}
		if diff := cmp.Diff(want, names); err != nil || diff != "" {
			t.Errorf("ListDocuments: %v (-want +got):\n%s", err, diff)
		}
		for range 2 {
			if err := s.DeleteDocument(ctx, want[0]); err != nil {
				t.Errorf("DeleteDocument: %v", err)
			}
		}
		if err := s.DeleteDocument(ctx, "never/was.json"); err != nil {
			t.Errorf("DeleteDocument of a missing one: %v", err)
		}
		if _, err := s.ReadDocument(ctx, want[0], 100); !errors.Is(err, artefact.ErrNotFound) {
			t.Errorf("reading a deleted document: %v, want ErrNotFound", err)
		}
		none, err := s.ListDocuments(ctx, "stages/none")
		if err != nil || len(none) != 0 {
			t.Errorf("ListDocuments of nothing = %v, %v", none, err)
		}
	})
}

func TestTheHeadOfADocumentIsReadAlone(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, s opened) {
		if err := s.PutDocument(t.Context(), "evaluations/ab/report.html", []byte("<title>x</title>"+strings.Repeat("picture", 1<<20))); err != nil {
			t.Fatal(err)
		}
		for limit, want := range map[int64]string{16: "<title>x</title>", 7: "<title>"} {
			if head, err := s.ReadHead(t.Context(), "evaluations/ab/report.html", limit); err != nil || string(head) != want {
				t.Errorf("%d bytes are %q, %v", limit, head, err)
			}
		}
		if whole, err := s.ReadHead(t.Context(), "evaluations/ab/report.html", 1<<30); err != nil || len(whole) != 16+7<<20 {
			t.Errorf("more than there are: %d bytes, %v", len(whole), err)
		}
		if _, err := s.ReadHead(t.Context(), "evaluations/ab/none.html", 16); !errors.Is(err, artefact.ErrNotFound) {
			t.Errorf("of none: %v, want ErrNotFound", err)
		}
		if _, err := s.ReadHead(t.Context(), "blobs/sha256/ab", 16); !errors.Is(err, artefact.ErrUnsafePath) {
			t.Errorf("of a blob: %v, want ErrUnsafePath", err)
		}
	})
}

func TestADamagedBlobIsRefusedAndRepairedByStoringItAgain(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, s opened) {
		source := write(t, t.TempDir(), weights)
		tree, err := s.PutTree(t.Context(), source)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := tree.File("model.onnx")
		path := filepath.Join(s.folder, "blobs", "sha256", f.SHA256)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		flipped := bytes.Clone(good)
		flipped[len(flipped)-1] ^= 1
		cases := map[string]struct {
			body []byte
			want error
		}{
			"last bit flipped":  {flipped, artefact.ErrDigestMismatch},
			"last byte missing": {good[:len(good)-1], artefact.ErrSizeMismatch},
			"one byte too many": {append(bytes.Clone(good), 0), artefact.ErrSizeMismatch},
			"empty":             {nil, artefact.ErrSizeMismatch},
		}
		for name, c := range cases {
			if err := os.WriteFile(path, c.body, 0o644); err != nil {
				t.Fatal(err)
			}
			parent := t.TempDir()
			if _, err := s.GetTree(t.Context(), tree.Digest, filepath.Join(parent, "w"), artefact.Limits{}); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
			if left := read(t, parent); len(left) != 0 {
				t.Errorf("%s: a half tree is left: %v", name, left)
			}
			if again, err := s.PutTree(t.Context(), source); err != nil || again.Digest != tree.Digest {
				t.Errorf("%s: storing again: %v, %v", name, again.Digest, err)
			}
			if _, err := s.GetTree(t.Context(), tree.Digest, filepath.Join(parent, "w"), artefact.Limits{}); err != nil {
				t.Errorf("%s: after storing again: %v", name, err)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := s.GetTree(t.Context(), tree.Digest, filepath.Join(t.TempDir(), "w"), artefact.Limits{}); !errors.Is(err, artefact.ErrNotFound) {
			t.Errorf("missing blob: %v, want ErrNotFound", err)
		}
	})
}

func TestLimitsStopATreeBeforeItsFilesAreRead(t *testing.T) {
	s := fileStore(t)
	tree, err := s.PutTree(t.Context(), write(t, t.TempDir(), weights))
	if err != nil {
		t.Fatal(err)
	}
	for name, limits := range map[string]artefact.Limits{"files": {Files: 3}, "bytes": {Bytes: tree.Bytes - 1}} {
		if _, err := s.GetTree(t.Context(), tree.Digest, filepath.Join(t.TempDir(), "w"), limits); !errors.Is(err, artefact.ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
	if _, err := s.GetTree(t.Context(), tree.Digest, filepath.Join(t.TempDir(), "w"), artefact.Limits{Files: 4, Bytes: tree.Bytes}); err != nil {
		t.Errorf("exactly at the limits: %v", err)
	}
}

func TestPutTreeRefusesEverythingThatIsNoRegularFile(t *testing.T) {
	cases := map[string]func(dir string) error{
		"symbolic link to a file": func(dir string) error { return os.Symlink("/etc/hostname", filepath.Join(dir, "link")) },
		"symbolic link to a folder": func(dir string) error {
			return os.Symlink("/etc", filepath.Join(dir, "link"))
		},
		"pipe":      func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644) },
		"backslash": func(dir string) error { return os.WriteFile(filepath.Join(dir, `..\x`), nil, 0o644) },
		"new line":  func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\nb"), nil, 0o644) },
		"no UTF-8":  func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\xff"), nil, 0o644) },
		"case twin": func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "a"), nil, 0o644), os.WriteFile(filepath.Join(dir, "A"), nil, 0o644))
		},
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := fileStore(t).PutTree(t.Context(), dir); !errors.Is(err, artefact.ErrUnsafePath) {
				t.Errorf("PutTree: %v, want ErrUnsafePath", err)
			}
		})
	}
}

func TestNamesOutsideTheirPlaceAreRefused(t *testing.T) {
	s := fileStore(t)
	for _, name := range []string{"", "/a", "../a", "a/../../b", "a//b", "a/./b", "a/", "blobs/sha256/00", `a\b`, "a\x00", "ä", "a b", "C:a", strings.Repeat("a/", 40) + "a", strings.Repeat("a", 300)} {
		if err := s.PutDocument(t.Context(), name, nil); !errors.Is(err, artefact.ErrUnsafePath) {
			t.Errorf("PutDocument(%q): %v, want ErrUnsafePath", name, err)
		}
		if _, err := s.ReadDocument(t.Context(), name, 10); !errors.Is(err, artefact.ErrUnsafePath) {
			t.Errorf("ReadDocument(%q): %v, want ErrUnsafePath", name, err)
		}
	}
}

func TestURIsThatAreNotStoresAreRefused(t *testing.T) {
	for _, uri := range []string{
		"", "/dir", "file://host/dir", "file:dir", "file:///dir?metadata=", "ftp://x/y", "s3://", "s3://user:pw@bucket/x", "s3://bucket/../x",
		"s3://bucket/x?frobnicate=1", "s3://bucket/x#frag", "FILE:///\x00",
	} {
		for name, open := range map[string]func(context.Context, string) (*artefact.Store, error){"Open": artefact.Open, "Create": artefact.Create} {
			if s, err := open(t.Context(), uri); err == nil {
				t.Errorf("%s(%q) succeeded: %+v", name, uri, s)
			}
		}
	}
}

func TestOnlyCreateMakesAFolder(t *testing.T) {
	parent := t.TempDir()
	at := filepath.Join(parent, "team", "typo")
	if _, err := artefact.Open(t.Context(), "file://"+at); !errors.Is(err, artefact.ErrNoStore) || !strings.Contains(err.Error(), at) {
		t.Errorf("opening what is not there: %v, want ErrNoStore with the folder's name", err)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
		t.Errorf("opening has made %v (%v)", entries, err)
	}
	for _, open := range []func(context.Context, string) (*artefact.Store, error){artefact.Create, artefact.Open, artefact.Create} {
		s, err := open(t.Context(), "file://"+at)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestACancelledUploadLeavesNothing(t *testing.T) {
	s := fileStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.PutDocument(ctx, "a/b.json", []byte("{}")); err == nil {
		t.Error("PutDocument with an ended context succeeded")
	}
	if left := read(t, s.folder); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
