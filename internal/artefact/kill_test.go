package artefact_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
)

const killRole = "TRYON_TEST_UPLOAD"

func TestMain(m *testing.M) {
	source := os.Getenv("TRYON_TEST_SOURCE")
	switch uri := os.Getenv(killRole); {
	case os.Getenv(fullRole) != "":
		fillDisk(uri, source)
		return
	case uri != "":
		uploadForever(uri, source)
		return
	}
	os.Exit(m.Run())
}

// uploadForever stores a growing source as tree after tree, each with a document that names it, until it is killed.
func uploadForever(uri, source string) {
	ctx := context.Background()
	for i := 0; ; i++ {
		s, err := artefact.Open(ctx, uri)
		check(err)
		check(os.WriteFile(filepath.Join(source, "weights"), []byte(strings.Repeat(fmt.Sprintf("%08d", i), 1<<18)), 0o644))
		tree, err := s.PutTree(ctx, source)
		check(err)
		check(s.PutDocument(ctx, fmt.Sprintf("stages/aa/checkpoints/%012d.json", i), []byte(tree.Digest)))
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func TestAKilledUploadLeavesNoDocumentWithoutItsTree(t *testing.T) {
	s := fileStore(t)
	for round := range 8 {
		source := write(t, t.TempDir(), map[string]string{"config.json": "{}"})
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killRole+"="+s.uri, "TRYON_TEST_SOURCE="+source)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitForUpload(t, s.folder)
		// Rounds end at different places of the upload.
		<-time.After(time.Duration(round) * 3 * time.Millisecond)
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// -1 is the exit code of a process that a signal ended.
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("the uploader ended by itself: %v\n%s", err, &stderr)
		}
		everyVisibleDocumentIsWhole(t, s)
		if err := os.RemoveAll(filepath.Join(s.folder, "blobs")); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(s.folder, "stages")); err != nil {
			t.Fatal(err)
		}
	}
}

// waitForUpload waits until the uploader has begun to store a blob.
func waitForUpload(t *testing.T, folder string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if entries, err := os.ReadDir(filepath.Join(folder, "blobs", "sha256")); err == nil && len(entries) > 0 {
			return
		}
	}
	t.Fatal("the uploader does nothing")
}

func everyVisibleDocumentIsWhole(t *testing.T, s opened) {
	t.Helper()
	names, err := s.ListDocuments(t.Context(), "stages/aa/checkpoints")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		body, err := s.ReadDocument(t.Context(), name, 100)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.GetTree(t.Context(), string(body), filepath.Join(t.TempDir(), "w"), artefact.Limits{}); err != nil {
			t.Errorf("%s is visible without its tree: %v", name, err)
		}
	}
	// Blobs under their final names are whole too; only temporary names may hold halves.
	entries, err := os.ReadDir(filepath.Join(s.folder, "blobs", "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".partial-") {
			continue
		}
		if _, err := s.ReadBlob(t.Context(), "sha256:"+entry.Name(), 1<<30); err != nil {
			t.Errorf("blob %s: %v", entry.Name(), err)
		}
	}
}
