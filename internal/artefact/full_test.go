package artefact_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
)

const fullRole = "TRYON_TEST_FULL"

// fillDisk does one thing under a limit on the size of files, which makes the kernel refuse writes as a full disk does.
func fillDisk(uri, source string) {
	ctx := context.Background()
	s, err := artefact.Open(ctx, uri)
	check(err)
	signal.Ignore(syscall.SIGXFSZ)
	check(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}))
	if digest, ok := strings.CutPrefix(os.Getenv(fullRole), "get "); ok {
		_, err = s.GetTree(ctx, digest, source, artefact.Limits{})
	} else {
		_, err = s.PutTree(ctx, source)
	}
	fmt.Println(err)
}

func underLimit(t *testing.T, s opened, role, dir string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killRole+"="+s.uri, fullRole+"="+role, "TRYON_TEST_SOURCE="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func TestAFullDiskLeavesNothingHalfDone(t *testing.T) {
	s := fileStore(t)
	big := write(t, t.TempDir(), map[string]string{"a": "small", "weights": strings.Repeat("x", 3<<20)})
	if said := underLimit(t, s, "put", big); !strings.Contains(said, syscall.EFBIG.Error()) {
		t.Errorf("storing said %q", said)
	}
	for path := range read(t, s.folder) {
		if digest := "sha256:" + filepath.Base(path); digest != artefact.DigestOf([]byte("small")) {
			t.Errorf("a half upload left %s", path)
		}
	}
	tree, err := s.PutTree(t.Context(), big)
	if err != nil {
		t.Fatal(err)
	}
	for name, existing := range map[string]bool{"a new folder": false, "a mounted folder": true} {
		parent := t.TempDir()
		target := filepath.Join(parent, "w")
		if existing {
			if err := os.Mkdir(target, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if said := underLimit(t, s, "get "+tree.Digest, target); !strings.Contains(said, syscall.EFBIG.Error()) {
			t.Errorf("%s: fetching said %q", name, said)
		}
		if left := read(t, parent); len(left) != 0 {
			t.Errorf("%s: a half download left %d files", name, len(left))
		}
	}
}

func TestLeftoversOfKilledUploadsAreSweptWhenTheyAreOld(t *testing.T) {
	s := fileStore(t)
	folder := write(t, filepath.Join(s.folder, "blobs", "sha256"), map[string]string{".partial-old": "old", ".partial-new": "being written"})
	long := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(folder, ".partial-old"), long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutTree(t.Context(), write(t, t.TempDir(), map[string]string{"a": "b"})); err != nil {
		t.Fatal(err)
	}
	left := read(t, folder)
	if _, stays := left[".partial-old"]; stays || left[".partial-new"] == "" {
		t.Errorf("left: %v", left)
	}
}
