package dataset_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact/s3test"
	"github.com/braincreators/tryon-operator/internal/bucket"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/task"
)

func TestADatasetInS3HasTheDigestOfTheSameOneOnDisk(t *testing.T) {
	server := s3test.Start(t)
	dir := draw(t)
	local := pin(t, openStore(t), dir)
	upload(t, server, dir, time.Now().Add(-time.Hour))
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

// upload puts a dataset below vton/2026, with a time of last change that it gives to all files.
func upload(t *testing.T, server s3test.Server, dir string, at time.Time) {
	t.Helper()
	root := filepath.Join(server.Folder, "vton/2026")
	if err := os.CopyFS(root, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, at, at))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnObjectWithoutETagThatIsOverwrittenWithinASecondIsReadAgain(t *testing.T) {
	server, dir, store := s3test.Start(t), draw(t), openStore(t)
	// However slow this machine is, they are new when they are pinned.
	now := time.Now().Add(time.Hour).Truncate(time.Second)
	upload(t, server, dir, now)
	options := dataset.PinOptions{URI: server.URI("vton/2026"), Layout: dataset.LayoutVITONHD}
	first, err := dataset.Pin(t.Context(), store, options)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(server.Folder, "vton/2026/train/cloth/000001_00.png")
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 1
	write(t, path, body)
	if err := os.Chtimes(path, now, now); err != nil {
		t.Fatal(err)
	}
	again, err := dataset.Pin(t.Context(), store, options)
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest == first.Digest {
		t.Error("the digest is that of the content before")
	}
}

func TestAMultipartObjectThatIsOverwrittenWithinASecondIsReadAgain(t *testing.T) {
	server, dir, store := s3test.StartWithETags(t), draw(t), openStore(t)
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	upload(t, server, dir, at)
	u, err := url.Parse(server.URI(""))
	if err != nil {
		t.Fatal(err)
	}
	b, err := bucket.Open(t.Context(), u, bucket.Keys{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	const name = "vton/2026/extra.bin"
	pinned := func(content string) *dataset.Pinned {
		t.Helper()
		// The SDK cuts what has 16 MiB or more into parts.
		if err := b.WriteAll(t.Context(), name, bytes.Repeat([]byte(content), 16<<20), nil); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(server.Folder, name), at, at); err != nil {
			t.Fatal(err)
		}
		if seen, err := b.Attributes(t.Context(), name); err != nil || !strings.Contains(seen.ETag, "-") {
			t.Fatalf("this test has no multipart object to look at: %+v, %v", seen, err)
		}
		p, err := dataset.Pin(t.Context(), store, dataset.PinOptions{URI: server.URI("vton/2026"), Layout: dataset.LayoutVITONHD})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, changed := pinned("a"), pinned("b")
	if changed.Read != 1 || changed.Digest == first.Digest {
		t.Errorf("read %d files after one changed, digest changed: %v", changed.Read, changed.Digest != first.Digest)
	}
	if same := pinned("b"); same.Read != 0 || same.Digest != changed.Digest {
		t.Errorf("read %d files after none changed, digest changed: %v", same.Read, same.Digest != changed.Digest)
	}
}
