package artefact_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
)

// manifestOf puts a manifest with any bytes into a store, as somebody who mounts it can, and gives its digest.
func (s opened) manifestOf(t *testing.T, body string) string {
	t.Helper()
	digest := artefact.DigestOf([]byte(body))
	write(t, filepath.Join(s.folder, "blobs", "sha256"), map[string]string{digest[7:]: body})
	return digest
}

func TestHostileManifestsAreRefusedBeforeAnythingIsLaidOut(t *testing.T) {
	file := func(path string) string {
		return fmt.Sprintf(`{"path":%q,"size":1,"sha256":"%s"}`, path, strings.Repeat("ab", 32))
	}
	tree := func(files ...string) string {
		return `{"schema":"tryon.tree/v1","files":[` + strings.Join(files, ",") + `]}`
	}
	many := make([]string, 10_001)
	for i := range many {
		many[i] = file(fmt.Sprintf("%06d", i))
	}
	tests := map[string]struct {
		body string
		want error
	}{
		"a path out of the folder": {tree(file("../escape")), artefact.ErrUnsafePath},
		"an absolute path":         {tree(file("/etc/passwd")), artefact.ErrUnsafePath},
		"a path through itself":    {tree(file("a/../../b")), artefact.ErrUnsafePath},
		"a file that is a folder":  {tree(file("a"), file("a/b")), artefact.ErrUnsafePath},
		"twins but for case":       {tree(file("A"), file("a")), artefact.ErrUnsafePath},
		"a hidden character":       {tree(file("a\u202eb")), artefact.ErrUnsafePath},
		"twice the same":           {tree(file("a"), file("a")), artefact.ErrNotATree},
		"out of order":             {tree(file("b"), file("a")), artefact.ErrNotATree},
		"a negative size":          {strings.Replace(tree(file("a")), `"size":1`, `"size":-1`, 1), artefact.ErrNotATree},
		"a size over the limit":    {strings.Replace(tree(file("a")), `"size":1`, `"size":17179869185`, 1), artefact.ErrTooLarge},
		"a size beyond integers":   {strings.Replace(tree(file("a")), `"size":1`, `"size":1e99`, 1), artefact.ErrNotATree},
		"sizes that overflow":      {strings.ReplaceAll(tree(file("a"), file("b")), `"size":1`, `"size":9223372036854775807`), artefact.ErrTooLarge},
		"too many files":           {tree(many...), artefact.ErrTooLarge},
		"no digest":                {strings.Replace(tree(file("a")), "abab", "ABAB", 1), artefact.ErrNotATree},
		"an unknown field":         {strings.Replace(tree(file("a")), `"files"`, `"mode":1,"files"`, 1), artefact.ErrNotATree},
		"two documents":            {tree(file("a")) + tree(), artefact.ErrNotATree},
		"no JSON":                  {"\x80\x02pickle", artefact.ErrNotATree},
		"empty":                    {"", artefact.ErrNotATree},
		"deep nesting":             {strings.Repeat("[", 100_000), artefact.ErrNotATree},
		"over the limit":           {strings.Repeat(" ", 16<<20) + tree(), artefact.ErrTooLarge},
	}
	s := fileStore(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			if _, err := s.GetTree(t.Context(), s.manifestOf(t, test.body), filepath.Join(parent, "w"), artefact.Limits{}); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if left := read(t, parent); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestWhatIsNoFileOfTheStoreIsNotRead(t *testing.T) {
	outside := filepath.Join(write(t, t.TempDir(), map[string]string{"token": "a secret of the reader's pod"}), "token")
	tests := map[string]func(path string) error{
		"a link out of the store": func(path string) error { return os.Symlink(outside, path) },
		"a relative link out":     func(path string) error { return os.Symlink("../../../../../../../../etc/hostname", path) },
		"a folder behind a link": func(path string) error {
			return errors.Join(os.Remove(filepath.Dir(path)), os.Symlink(filepath.Dir(outside), filepath.Dir(path)))
		},
		// Opening it would wait for a writer that never comes.
		"a pipe":   func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o755) },
	}
	for name, put := range tests {
		t.Run(name, func(t *testing.T) {
			s := fileStore(t)
			path := filepath.Join(s.folder, "evaluations", "ab", "token")
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), put(path)); err != nil {
				t.Fatal(err)
			}
			if body, err := s.ReadDocument(t.Context(), "evaluations/ab/token", 1<<10); !errors.Is(err, artefact.ErrUnsafePath) {
				t.Errorf("read %q, %v; want ErrUnsafePath", body, err)
			}
			if names, err := s.ListDocuments(t.Context(), "evaluations"); err != nil || len(names) > 0 {
				t.Errorf("listed %v, %v", names, err)
			}
			blob := artefact.DigestOf([]byte(name))
			path = filepath.Join(s.folder, "blobs", "sha256", blob[7:])
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), put(path)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.ReadBlob(t.Context(), blob, 1<<10); !errors.Is(err, artefact.ErrUnsafePath) && !errors.Is(err, artefact.ErrNotFound) {
				t.Errorf("blob: %v, want a refusal", err)
			}
		})
	}
}

// TestNothingIsWrittenOrDeletedThroughALinkOutOfTheStore: pods of the namespace share the claim, and what they cannot reach themselves
// another pod may.
func TestNothingIsWrittenOrDeletedThroughALinkOutOfTheStore(t *testing.T) {
	blob := artefact.DigestOf([]byte("weights"))
	uses := map[string]struct {
		// link is the folder of the store that is a link, and victim what lies behind it.
		link, victim string
		use          func(t *testing.T, s opened) error
	}{
		"a blob is stored, the folder of blobs is a link": {"blobs/sha256", blob[7:], func(t *testing.T, s opened) error {
			_, err := s.PutTree(t.Context(), write(t, t.TempDir(), map[string]string{"model.onnx": "weights"}))
			return err
		}},
		"a blob is stored, the folder above is a link": {"blobs", "sha256/" + blob[7:], func(t *testing.T, s opened) error {
			_, err := s.PutTree(t.Context(), write(t, t.TempDir(), map[string]string{"model.onnx": "weights"}))
			return err
		}},
		"a document is stored": {"stages/ab", "stage.json", func(t *testing.T, s opened) error {
			return s.PutDocument(t.Context(), "stages/ab/stage.json", []byte("{}"))
		}},
		"a document is stored in a folder to be made": {"stages", "ab/stage.json", func(t *testing.T, s opened) error {
			return s.PutDocument(t.Context(), "stages/ab/new/stage.json", []byte("{}"))
		}},
		"a document is deleted": {"stages/ab", "stage.json", func(t *testing.T, s opened) error {
			return s.DeleteDocument(t.Context(), "stages/ab/stage.json")
		}},
		"a private part is cleared": {"stages/ab/checkpoints", "1.json", func(t *testing.T, s opened) error {
			private, err := s.Private("stages/ab/checkpoints")
			if err != nil {
				t.Fatal(err)
			}
			return private.Clear(t.Context())
		}},
		"a checkpoint is stored": {"stages/ab/checkpoints", "blobs/sha256/" + blob[7:], func(t *testing.T, s opened) error {
			private, err := s.Private("stages/ab/checkpoints")
			if err != nil {
				t.Fatal(err)
			}
			_, err = private.PutTree(t.Context(), write(t, t.TempDir(), map[string]string{"state": "weights"}))
			return err
		}},
		"the store is swept": {"blobs/sha256", ".partial-aa", func(t *testing.T, s opened) error {
			_, err := s.Sweep(t.Context(), artefact.SweepOptions{Now: time.Now().Add(48 * time.Hour), Delete: true})
			return err
		}},
	}
	for name, test := range uses {
		for how, target := range map[string]func(outside, from string) (string, error){
			"absolute": func(outside, _ string) (string, error) { return outside, nil },
			"relative": func(outside, from string) (string, error) { return filepath.Rel(from, outside) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				s := fileStore(t)
				outside := write(t, t.TempDir(), map[string]string{test.victim: "somebody else's"})
				link := filepath.Join(s.folder, filepath.FromSlash(test.link))
				to, err := target(outside, filepath.Dir(link))
				if err := errors.Join(err, os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(to, link)); err != nil {
					t.Fatal(err)
				}
				long := time.Now().Add(-72 * time.Hour)
				if err := os.Chtimes(filepath.Join(outside, filepath.FromSlash(test.victim)), long, long); err != nil {
					t.Fatal(err)
				}
				if err := test.use(t, s); !errors.Is(err, artefact.ErrUnsafePath) {
					t.Errorf("got %v, want ErrUnsafePath", err)
				}
				if diff := cmp.Diff(map[string]string{test.victim: "somebody else's"}, read(t, outside)); diff != "" {
					t.Errorf("outside of the store (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestALinkInThePlaceOfAFileIsReplacedOrDeletedItself(t *testing.T) {
	s := fileStore(t)
	outside := write(t, t.TempDir(), map[string]string{"token": "somebody else's", "blob": "weights"})
	blob := "blobs/sha256/" + artefact.DigestOf([]byte("weights"))[7:]
	for name, to := range map[string]string{"stages/ab/stage.json": "token", "stages/ab/gone.json": "token", blob: "blob"} {
		path := filepath.Join(s.folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(filepath.Join(outside, to), path)); err != nil {
			t.Fatal(err)
		}
	}
	s.name(t, "stages/ab/stage.json", "{}")
	tree := s.put(t, map[string]string{"model.onnx": "weights"})
	if err := s.DeleteDocument(t.Context(), "stages/ab/gone.json"); err != nil {
		t.Error(err)
	}
	if body, err := s.ReadDocument(t.Context(), "stages/ab/stage.json", 10); err != nil || string(body) != "{}" || !s.intact(t, tree.Digest) {
		t.Errorf("read %q, %v, and the tree is intact: %t", body, err, s.intact(t, tree.Digest))
	}
	if _, err := os.Lstat(filepath.Join(s.folder, "stages/ab/gone.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the deleted link: %v", err)
	}
	if diff := cmp.Diff(map[string]string{"token": "somebody else's", "blob": "weights"}, read(t, outside)); diff != "" {
		t.Errorf("outside of the store (-want +got):\n%s", diff)
	}
}

func TestAFolderThatCannotBeListedIsAnErrorAndNotEmpty(t *testing.T) {
	s := fileStore(t)
	write(t, s.folder, map[string]string{"stages": "a file in the place of the folder"})
	if names, err := s.ListDocuments(t.Context(), "stages/ab"); err == nil {
		t.Errorf("listed %v", names)
	}
}

// serve is an S3 server that answers every GET of an object in one way.
func serve(t *testing.T, answer http.HandlerFunc) *artefact.Store {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	// Retries of what is broken for good only take time.
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	query := url.Values{"endpoint": {server.URL}, "region": {"us-east-1"}, "s3ForcePathStyle": {"true"}}
	s, err := artefact.Open(t.Context(), "s3://bucket/store?"+query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// wrong are the errors that say "the store answered, and what it holds is unusable".
var wrong = []error{artefact.ErrNotFound, artefact.ErrDigestMismatch, artefact.ErrSizeMismatch, artefact.ErrTooLarge, artefact.ErrNotATree, artefact.ErrUnsafePath}

func TestAReadThatIsCutOffIsNoDamage(t *testing.T) {
	body := strings.Repeat("x", 1<<16)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write([]byte(body[:1<<15]))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	for what, read := range map[string]func() error{
		"document": func() error {
			_, err := s.ReadDocument(t.Context(), "stages/ab/stage.json", 1<<20)
			return err
		},
		"blob": func() error {
			_, err := s.ReadBlob(t.Context(), artefact.DigestOf([]byte(body)), 1<<20)
			return err
		},
	} {
		err := read()
		if err == nil {
			t.Errorf("half a %s was taken for all of it", what)
		}
		for _, kind := range wrong {
			if errors.Is(err, kind) {
				t.Errorf("%s: %v is %v: what is there would be taken for damaged", what, err, kind)
			}
		}
	}
}

func TestAnEndlessAnswerIsCutAtItsLimit(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 64<<10)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if _, err := s.ReadDocument(t.Context(), "stages/ab/stage.json", 1<<20); !errors.Is(err, artefact.ErrTooLarge) {
		t.Errorf("document: %v, want ErrTooLarge", err)
	}
	if _, err := s.ReadBlob(t.Context(), artefact.DigestOf(nil), 1<<20); !errors.Is(err, artefact.ErrTooLarge) {
		t.Errorf("blob: %v, want ErrTooLarge", err)
	}
}
