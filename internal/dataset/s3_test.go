package dataset_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/braincreators/tryon-operator/internal/artefact/s3test"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/task"
)

func TestADatasetInS3HasTheDigestOfTheSameOneOnDisk(t *testing.T) {
	server := s3test.Start(t)
	dir := draw(t)
	local := pin(t, openStore(t), dir)
	if err := os.CopyFS(filepath.Join(server.Folder, "vton/2026"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	store := openStore(t)
	options := dataset.PinOptions{URI: server.URI("vton/2026"), Layout: dataset.LayoutVITONHD}
	remote, err := dataset.Pin(t.Context(), store, options)
	if err != nil {
		t.Fatal(err)
	}
	if remote.Digest != local.Digest {
		t.Errorf("digest %s in S3, %s on disk", remote.Digest, local.Digest)
	}
	again, err := dataset.Pin(t.Context(), store, options)
	if err != nil || again.Read != 0 {
		t.Errorf("a second pin read %d files again: %v", again.Read, err)
	}
	from := task.Source{URI: options.URI}
	into := filepath.Join(t.TempDir(), "data")
	if err := dataset.Fetch(t.Context(), store, from, remote.Digest, into); err != nil {
		t.Fatal(err)
	}
	if fetched := pin(t, openStore(t), into); fetched.Digest != remote.Digest {
		t.Errorf("fetched %s, want %s", fetched.Digest, remote.Digest)
	}
	if err := os.Remove(filepath.Join(server.Folder, "vton/2026/train/cloth/000001_00.png")); err != nil {
		t.Fatal(err)
	}
	if err := dataset.Fetch(t.Context(), store, from, remote.Digest, filepath.Join(t.TempDir(), "data")); !errors.Is(err, dataset.ErrNotFound) {
		t.Errorf("a missing object: got %v, want ErrNotFound", err)
	}
}
