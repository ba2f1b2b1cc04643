package artefact_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
)

// age makes everything in a store as old as that.
func (s opened) age(t *testing.T, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	err := filepath.WalkDir(s.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// put stores a tree of files.
func (s opened) put(t *testing.T, files map[string]string) artefact.Tree {
	t.Helper()
	tree, err := s.PutTree(t.Context(), write(t, t.TempDir(), files))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func (s opened) name(t *testing.T, document, body string) {
	t.Helper()
	if err := s.PutDocument(t.Context(), document, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func (s opened) sweep(t *testing.T, o artefact.SweepOptions) []string {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	items, err := s.Sweep(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, item := range items {
		names = append(names, item.Name)
	}
	slices.Sort(names)
	return names
}

// blobsOf gives the names of the blobs of bodies and trees, sorted.
func blobsOf(tree artefact.Tree, bodies ...string) []string {
	names := []string{"blobs/sha256/" + tree.Digest[7:]}
	for _, body := range bodies {
		names = append(names, "blobs/sha256/"+artefact.DigestOf([]byte(body))[7:])
	}
	slices.Sort(names)
	return names
}

func (s opened) intact(t *testing.T, digest string) bool {
	t.Helper()
	return s.VerifyTree(t.Context(), digest, artefact.Limits{}) == nil
}

func TestASweepTakesWhatNoDocumentNames(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, s opened) {
		used := s.put(t, map[string]string{"model.onnx": "graph", "shared": "both have it"})
		unused := s.put(t, map[string]string{"model.onnx": "an old graph", "shared": "both have it"})
		// The kind of the document is unknown to the store, and so is the field.
		s.name(t, "kind-of-tomorrow/x.html", `<a href="#">`+used.Digest+`</a>`)
		s.age(t, 25*time.Hour)
		want := blobsOf(unused, "an old graph")
		if diff := cmp.Diff(want, s.sweep(t, artefact.SweepOptions{})); diff != "" {
			t.Errorf("a dry run tells (-want +got):\n%s", diff)
		}
		if !s.intact(t, unused.Digest) {
			t.Error("a dry run has deleted")
		}
		if diff := cmp.Diff(want, s.sweep(t, artefact.SweepOptions{Delete: true})); diff != "" {
			t.Errorf("swept (-want +got):\n%s", diff)
		}
		if !s.intact(t, used.Digest) || s.intact(t, unused.Digest) {
			t.Errorf("the used tree is there: %t, the unused one: %t", s.intact(t, used.Digest), s.intact(t, unused.Digest))
		}
		if again := s.sweep(t, artefact.SweepOptions{Delete: true}); len(again) > 0 {
			t.Errorf("a second sweep took %v", again)
		}
	})
}

func TestASweepLeavesWhatIsYoung(t *testing.T) {
	s := fileStore(t)
	s.name(t, "stages/ab/stage.json", "{}")
	s.put(t, map[string]string{"model.onnx": "being published"})
	now := time.Now()
	tests := map[string]struct {
		options artefact.SweepOptions
		want    int
	}{
		"just under the grace":             {artefact.SweepOptions{Now: now.Add(artefact.Grace - time.Minute)}, 0},
		"just over the grace":              {artefact.SweepOptions{Now: now.Add(artefact.Grace + time.Minute)}, 2},
		"less than the grace is the grace": {artefact.SweepOptions{Now: now.Add(time.Hour), MinAge: time.Minute}, 0},
		"younger than asked for":           {artefact.SweepOptions{Now: now.Add(2 * artefact.Grace), MinAge: 3 * artefact.Grace}, 0},
		"a clock that runs behind":         {artefact.SweepOptions{Now: now.Add(-time.Hour)}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := s.sweep(t, test.options); len(got) != test.want {
				t.Errorf("takes %v, want %d", got, test.want)
			}
		})
	}
}

func TestABlobThatIsUsedAgainIsYoungAgain(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, s opened) {
		s.name(t, "stages/ab/stage.json", "{}")
		files := map[string]string{"model.onnx": "the same graph as last week"}
		s.put(t, files)
		s.age(t, 7*24*time.Hour)
		// The upload of a tree that exists; its document comes after the sweep.
		again := s.put(t, files)
		if got := s.sweep(t, artefact.SweepOptions{Delete: true}); len(got) > 0 {
			t.Errorf("took %v from under a writer", got)
		}
		s.name(t, "stages/cd/stage.json", again.Digest)
		if !s.intact(t, again.Digest) {
			t.Error("a document names a tree that is not whole")
		}
	})
}

func TestABlobThatIsStoredAgainDuringTheSweepStays(t *testing.T) {
	s := fileStore(t)
	files := map[string]string{"model.onnx": "old graph"}
	tree := s.put(t, files)
	s.name(t, "stages/ab/stage.json", "{}")
	s.name(t, "stages/ab/checkpoints/1.json", "{}")
	s.age(t, 25*time.Hour)
	stored := false
	got := s.sweep(t, artefact.SweepOptions{Delete: true, Forget: func(string, time.Time) bool {
		// The listing is over when this is asked.
		if !stored {
			stored = true
			s.put(t, files)
		}
		return false
	}})
	if len(got) > 0 || !s.intact(t, tree.Digest) {
		t.Errorf("took %v", got)
	}
}

func TestForgottenDocumentsGoWithWhatOnlyTheyName(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, s opened) {
		private, err := s.Private("stages/ab/checkpoints")
		if err != nil {
			t.Fatal(err)
		}
		tree, err := private.PutTree(t.Context(), write(t, t.TempDir(), map[string]string{"state": "optimizer"}))
		if err != nil {
			t.Fatal(err)
		}
		s.name(t, "stages/ab/checkpoints/1.json", tree.Digest)
		s.name(t, "versions/cd/version.json", "{}")
		s.age(t, 40*24*time.Hour)
		if got := s.sweep(t, artefact.SweepOptions{Delete: true}); len(got) > 0 {
			t.Errorf("took %v, which a document names", got)
		}
		got := s.sweep(t, artefact.SweepOptions{Delete: true, Forget: func(name string, written time.Time) bool {
			return strings.Contains(name, "/checkpoints/") && time.Since(written) > 30*24*time.Hour
		}})
		if len(got) != 3 {
			t.Errorf("took %v, want the document and two blobs", got)
		}
		if left, err := s.ListDocuments(t.Context(), ""); err != nil || !slices.Equal(left, []string{"versions/cd/version.json"}) {
			t.Errorf("documents left: %v, %v", left, err)
		}
	})
}

func TestASweepThatCannotTellDeletesNothing(t *testing.T) {
	tests := map[string]struct {
		spoil func(t *testing.T, s opened, used artefact.Tree) error
		want  error
	}{
		"a document over the limit": {func(_ *testing.T, s opened, _ artefact.Tree) error {
			return os.Truncate(filepath.Join(s.folder, "stages", "ab", "stage.json"), artefact.MaxDocumentBytes+1)
		}, artefact.ErrTooLarge},
		"a damaged manifest": {func(_ *testing.T, s opened, used artefact.Tree) error {
			return os.WriteFile(filepath.Join(s.folder, "blobs", "sha256", used.Digest[7:]), []byte(`{"schema":"tryon.tree/v1","files":[]}`), 0o644)
		}, artefact.ErrDigestMismatch},
		"no document at all": {func(_ *testing.T, s opened, _ artefact.Tree) error {
			return os.RemoveAll(filepath.Join(s.folder, "stages"))
		}, artefact.ErrCannotSweep},
		"documents behind a link": {func(t *testing.T, s opened, _ artefact.Tree) error {
			aside := filepath.Join(t.TempDir(), "stages")
			return errors.Join(os.Rename(filepath.Join(s.folder, "stages"), aside), os.Symlink(aside, filepath.Join(s.folder, "stages")),
				s.PutDocument(t.Context(), "evaluations/x.json", nil))
		}, artefact.ErrUnsafePath},
		"a pipe": {func(_ *testing.T, s opened, _ artefact.Tree) error {
			return syscall.Mkfifo(filepath.Join(s.folder, "stages", "ab", "more.json"), 0o644)
		}, artefact.ErrUnsafePath},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := fileStore(t)
			used, unused := s.put(t, map[string]string{"a": "used"}), s.put(t, map[string]string{"a": "unused"})
			s.name(t, "stages/ab/stage.json", used.Digest)
			s.age(t, 25*time.Hour)
			if err := test.spoil(t, s, used); err != nil {
				t.Fatal(err)
			}
			items, err := s.Sweep(t.Context(), artefact.SweepOptions{Now: time.Now().Add(48 * time.Hour), Delete: true})
			if !errors.Is(err, artefact.ErrCannotSweep) || !errors.Is(err, test.want) || len(items) > 0 {
				t.Errorf("took %v, error %v; want none and %v", items, err, test.want)
			}
			if !s.intact(t, unused.Digest) {
				t.Error("it has deleted")
			}
		})
	}
}

func TestASweepTakesTheLeftoversOfKilledWriters(t *testing.T) {
	s := fileStore(t)
	s.name(t, "stages/ab/stage.json", "{}")
	write(t, s.folder, map[string]string{"stages/ab/.partial-123": "{", "blobs/sha256/.partial-aa": "half", "lost+found/x": "the file system's", "notes of an admin": "x"})
	s.age(t, 25*time.Hour)
	want := []string{"blobs/sha256/.partial-aa", "stages/ab/.partial-123"}
	if diff := cmp.Diff(want, s.sweep(t, artefact.SweepOptions{Delete: true})); diff != "" {
		t.Errorf("swept (-want +got):\n%s", diff)
	}
}

func TestAPrivateStoreSharesNothingAndIsClearedAlone(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, s opened) {
		files := map[string]string{"state": "the same bytes", "config": "{}"}
		shared := s.put(t, files)
		private, err := s.Private("stages/ab/checkpoints")
		if err != nil {
			t.Fatal(err)
		}
		tree, err := private.PutTree(t.Context(), write(t, t.TempDir(), files))
		if err != nil {
			t.Fatal(err)
		}
		if err := private.PutDocument(t.Context(), "1.json", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if names, err := s.ListDocuments(t.Context(), "stages/ab"); err != nil || !slices.Equal(names, []string{"stages/ab/checkpoints/1.json"}) {
			t.Errorf("listed %v, %v", names, err)
		}
		if names, err := private.ListDocuments(t.Context(), ""); err != nil || !slices.Equal(names, []string{"1.json"}) {
			t.Errorf("listed in private %v, %v", names, err)
		}
		if err := private.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := private.VerifyTree(t.Context(), tree.Digest, artefact.Limits{}); !errors.Is(err, artefact.ErrNotFound) {
			t.Errorf("a cleared store has its tree: %v", err)
		}
		if !s.intact(t, shared.Digest) {
			t.Error("the store has lost what it shared with its private part")
		}
		if s.Clear(t.Context()) == nil {
			t.Error("a whole store was cleared")
		}
	})
}

func TestRemovedTreesLeaveWhatTheKeptOnesHave(t *testing.T) {
	s := fileStore(t)
	old := s.put(t, map[string]string{"state": "10", "frozen": "teacher"})
	kept := s.put(t, map[string]string{"state": "20", "frozen": "teacher"})
	lost := artefact.DigestOf([]byte("never stored"))
	if err := s.RemoveTrees(t.Context(), []string{old.Digest}, []string{kept.Digest, lost}); !errors.Is(err, artefact.ErrNotFound) || !s.intact(t, old.Digest) {
		t.Errorf("with an unreadable kept tree: %v", err)
	}
	if err := s.RemoveTrees(t.Context(), []string{lost, old.Digest}, []string{kept.Digest}); !errors.Is(err, artefact.ErrNotFound) {
		t.Errorf("with an unreadable doomed tree: %v", err)
	}
	if !s.intact(t, kept.Digest) || len(read(t, s.folder)) != 3 {
		t.Errorf("left: %v", read(t, s.folder))
	}
}
