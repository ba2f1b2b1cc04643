package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
)

// swept makes a store with a stage's output, a checkpoint of another stage and a tree that nothing names, all of that age.
func swept(t *testing.T, age time.Duration) (folder, unnamed string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "store")
	store, err := artefact.Create(t.Context(), "file://"+folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	put := func(s *artefact.Store, body string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "weights"), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		tree, err := s.PutTree(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return tree.Digest
	}
	digits := strings.Repeat("cd", 32)
	private, err := store.Private("stages/" + digits + "/checkpoints")
	if err != nil {
		t.Fatal(err)
	}
	named, checkpoint, unnamed := put(store, "named"), put(private, "state"), put(store, "unnamed")
	for name, digest := range map[string]string{
		"stages/" + strings.Repeat("ab", 32) + "/stage.json":  named,
		"stages/" + digits + "/checkpoints/000000000010.json": checkpoint,
	} {
		if err := store.PutDocument(t.Context(), name, []byte(digest)); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-age)
	err = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		t.Fatal(err)
	}
	return folder, unnamed
}

func TestSweepListsAndDeletesOnlyWhenTold(t *testing.T) {
	tests := map[string]struct {
		args      []string
		wantSays  string
		wantFiles int
	}{
		"a look":          {nil, "would delete 2 objects, ", 8},
		"for real":        {[]string{"--delete"}, "deleted 2 objects, ", 6},
		"older ones":      {[]string{"--delete", "--older-than", "800h"}, "deleted 0 objects, ", 8},
		"checkpoints too": {[]string{"--delete", "--checkpoints-older-than", "700h"}, "deleted 5 objects, ", 3},
		"old checkpoints": {[]string{"--delete", "--checkpoints-older-than", "800h"}, "deleted 2 objects, ", 6},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder, unnamed := swept(t, 30*24*time.Hour)
			code, out, errs := call(t, append([]string{"sweep", "--store", folder}, test.args...)...)
			if code != 0 || !strings.Contains(out, test.wantSays) {
				t.Errorf("exit %d: %s%s", code, out, errs)
			}
			if strings.Contains(test.wantSays, " 2 ") && !strings.Contains(out, "blobs/sha256/"+unnamed[7:]+"  ") {
				t.Errorf("the list lacks the blob:\n%s", out)
			}
			files := 0
			_ = filepath.WalkDir(folder, func(_ string, entry os.DirEntry, err error) error {
				if err == nil && !entry.IsDir() {
					files++
				}
				return err
			})
			if files != test.wantFiles {
				t.Errorf("%d files are left, want %d\n%s", files, test.wantFiles, out)
			}
		})
	}
}

func TestSweepRefusesWhatCouldHurt(t *testing.T) {
	foreign := t.TempDir()
	if err := os.MkdirAll(filepath.Join(foreign, "blobs", "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "blobs", "sha256", strings.Repeat("ab", 32)), []byte("a layer"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args     []string
		wantCode int
		wantSays string
	}{
		"no store":              {[]string{"sweep"}, exitUsage, "--store"},
		"a young age":           {[]string{"sweep", "--store", foreign, "--older-than", "1h"}, exitUsage, "24h0m0s"},
		"young checkpoints":     {[]string{"sweep", "--store", foreign, "--checkpoints-older-than", "1h"}, exitUsage, "24h0m0s"},
		"somebody else's blobs": {[]string{"sweep", "--store", foreign, "--delete"}, exitErrored, "no artefact store"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, out, errs := call(t, test.args...)
			if code != test.wantCode || !strings.Contains(errs, test.wantSays) {
				t.Errorf("exit %d: %s%s", code, out, errs)
			}
		})
	}
}

func TestWhoReadsAStoreDoesNotMakeIt(t *testing.T) {
	parent := t.TempDir()
	typo := filepath.Join(parent, "typo")
	for name, args := range map[string][]string{
		"sweep":   {"sweep", "--store", "file://" + typo, "--delete"},
		"reports": {"reports", "--store", "file://" + typo, "--listen", "127.0.0.1:0"},
		"pull":    {"pull", "--store", "file://" + typo, "--digest", artefact.DigestOf(nil), "--dir", filepath.Join(t.TempDir(), "weights")},
	} {
		code, out, errs := call(t, args...)
		if code != exitErrored || !strings.Contains(errs, "there is no artefact store at file://"+typo) {
			t.Errorf("%s: exit %d: %s%s", name, code, out, errs)
		}
		if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
			t.Errorf("%s has made %v (%v)", name, entries, err)
		}
	}
}
