package artefact

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"

	"github.com/braincreators/tryon-operator/internal/bucket"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Store is an open artefact store. It is safe for concurrent use by several goroutines and several processes.
type Store struct {
	bucket *blob.Bucket
	// private is true for a part of a store that has one owner.
	private bool
	// prefix comes before every name in the bucket; it is empty or ends in a slash.
	prefix string
	// root is the folder of a file store; empty for any other. files reads below it and nowhere else.
	root  string
	files *os.Root
	// sweep clears what killed writers left, once and before the first blob is written.
	sweep sync.Once
}

// Open opens a store by its URI. file:///dir creates the folder when it is missing. s3://bucket/prefix takes the query
// parameters endpoint, region, s3ForcePathStyle and the others of gocloud.dev/aws; its credentials come from the environment
// (see package bucket, task.EnvStore) and never from the URI.
func Open(ctx context.Context, uri string) (*Store, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("parsing artefact store URI: %w", err)
	}
	if u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("artefact store %s: credentials and fragments do not belong into the URI", u.Redacted())
	}
	switch u.Scheme {
	case fileblob.Scheme:
		return openFolder(u)
	case s3blob.Scheme:
		return openS3(ctx, u)
	default:
		return nil, fmt.Errorf("artefact store %q: scheme %q is not file or s3", uri, u.Scheme)
	}
}

func openFolder(u *url.URL) (*Store, error) {
	if u.Host != "" || u.RawQuery != "" || !filepath.IsAbs(u.Path) {
		return nil, fmt.Errorf("artefact store %q: want file:///absolute/folder and nothing else", u)
	}
	root := filepath.Clean(u.Path)
	bucket, err := fileblob.OpenBucket(root, &fileblob.Options{
		CreateDir: true,
		// The final rename works only on one filesystem, and a pod's /tmp is another one than its claim.
		NoTempDir: true,
		// Side files with attributes would be foreign bodies among content-addressed files.
		Metadata: fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("opening artefact store: %w", err)
	}
	files, err := os.OpenRoot(root)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening artefact store: %w", err), bucket.Close())
	}
	return &Store{bucket: bucket, root: root, files: files}, nil
}

func openS3(ctx context.Context, u *url.URL) (*Store, error) {
	if u.Host == "" {
		return nil, fmt.Errorf("artefact store %q: want s3://bucket/prefix", u)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		if err := checkPath(prefix); err != nil {
			return nil, fmt.Errorf("artefact store %q: %w", u, err)
		}
		prefix += "/"
	}
	b, err := bucket.Open(ctx, u, bucket.Keys{Env: task.EnvStore, Field: "the chart's artefactStore.secretName"})
	if err != nil {
		return nil, fmt.Errorf("opening artefact store: %w", err)
	}
	return &Store{bucket: b, prefix: prefix}, nil
}

// Private gives the part of the store below a folder as a store of its own, for what belongs to one owner and is deleted with
// it: its blobs are shared with nothing outside. It ends with the store that it is a part of and is not closed.
func (s *Store) Private(folder string) (*Store, error) {
	if err := checkDocumentName(folder); err != nil {
		return nil, err
	}
	return &Store{bucket: s.bucket, private: true, prefix: s.prefix + folder + "/", root: s.root, files: s.files}, nil
}

// Close releases the store's connections.
func (s *Store) Close() error {
	err := s.bucket.Close()
	if s.files != nil {
		err = errors.Join(err, s.files.Close())
	}
	if err != nil {
		return fmt.Errorf("closing artefact store: %w", err)
	}
	return nil
}

// at gives the name in the bucket.
func (s *Store) at(key string) string { return s.prefix + key }

// write makes key visible with what fill writes, or leaves everything as it was. In a file store the bytes and the
// folders above them are on disk before it returns, so a document can never outlive what it names.
func (s *Store) write(ctx context.Context, key, contentType string, fill func(w *blob.Writer) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var file *os.File
	w, err := s.bucket.NewWriter(ctx, s.at(key), &blob.WriterOptions{
		ContentType:                 contentType,
		DisableContentTypeDetection: true,
		BeforeWrite: func(as func(any) bool) error {
			as(&file)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("creating %s: %w", key, err)
	}
	err = fill(w)
	if err == nil && file != nil {
		err = file.Sync()
	}
	if err != nil {
		// A cancelled writer drops its temporary file instead of renaming it.
		cancel()
		_ = w.Close()
		return fmt.Errorf("writing %s: %w", key, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("publishing %s: %w", key, err)
	}
	return s.syncFolders(key)
}

// staleAfter is the age at which a temporary file's writer must be dead: every write renews the file's time.
const staleAfter = 24 * time.Hour

// sweepStale removes temporary files of blobs whose writers were killed; a checkpoint's can be large. What cannot be removed
// stays: this is housekeeping, and another process may do the same.
func (s *Store) sweepStale() {
	if s.root == "" {
		return
	}
	folder := filepath.Join(s.root, filepath.FromSlash(s.at(blobKey(""))))
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasSuffix(entry.Name(), temporarySuffix) && time.Since(info.ModTime()) > staleAfter {
			_ = os.Remove(filepath.Join(folder, entry.Name()))
		}
	}
}

// syncFolders makes the names above key durable in a file store.
func (s *Store) syncFolders(key string) error {
	if s.root == "" {
		return nil
	}
	for dir := filepath.Dir(filepath.Join(s.root, filepath.FromSlash(s.at(key)))); ; dir = filepath.Dir(dir) {
		if err := syncFolder(dir); err != nil {
			return fmt.Errorf("making %s durable: %w", key, err)
		}
		if dir == s.root || len(dir) <= len(s.root) {
			return nil
		}
	}
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
