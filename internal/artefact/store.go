package artefact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"

	"github.com/braincreators/tryon-operator/internal/bucket"
	"github.com/braincreators/tryon-operator/internal/folder"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Store is an open artefact store. It is safe for concurrent use by several goroutines and several processes.
type Store struct {
	// folder holds a file store, bucket any other; of the two one is nil.
	folder *folder.Folder
	bucket *blob.Bucket
	// private is true for a part of a store that has one owner.
	private bool
	// prefix comes before every name in the folder or bucket; it is empty or ends in a slash.
	prefix string
	// sweep clears what killed writers left, once and before the first blob is written.
	sweep sync.Once
}

// Open opens a store by its URI. The folder of file:///dir must exist (ErrNoStore): an empty one in its place would hide a typing
// mistake. s3://bucket/prefix takes the query parameters endpoint, region, s3ForcePathStyle and the others of gocloud.dev/aws; its
// credentials come from the environment (see package bucket, task.EnvStore) and never from the URI.
func Open(ctx context.Context, uri string) (*Store, error) {
	u, err := parse(uri)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case fileScheme:
		return openFolder(u)
	case s3blob.Scheme:
		return openS3(ctx, u)
	default:
		return nil, fmt.Errorf("artefact store %q: scheme %q is not file or s3", uri, u.Scheme)
	}
}

// Create opens a store like Open, and makes the folder of file:///dir where it is missing. It is for those who write the first
// thing into a store.
func Create(ctx context.Context, uri string) (*Store, error) {
	u, err := parse(uri)
	if err != nil {
		return nil, err
	}
	if u.Scheme == fileScheme {
		at, err := folderOf(u)
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(at, 0o777); err != nil {
			return nil, fmt.Errorf("creating artefact store: %w", err)
		}
	}
	return Open(ctx, uri)
}

const fileScheme = "file"

func parse(uri string) (*url.URL, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("parsing artefact store URI: %w", err)
	}
	if u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("artefact store %s: credentials and fragments do not belong into the URI", u.Redacted())
	}
	return u, nil
}

func folderOf(u *url.URL) (string, error) {
	at, err := folder.At(u)
	if err != nil {
		return "", fmt.Errorf("artefact store %w", err)
	}
	return at, nil
}

func openFolder(u *url.URL) (*Store, error) {
	at, err := folderOf(u)
	if err != nil {
		return nil, err
	}
	f, err := folder.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w at %s: that folder does not exist", ErrNoStore, u)
	}
	if err != nil {
		return nil, fmt.Errorf("opening artefact store: %w", err)
	}
	return &Store{folder: f}, nil
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
	b, err := bucket.Open(ctx, u, bucket.Keys{Env: task.EnvStore, Field: "the chart's artefactStore.secretName", URI: "the chart's artefactStore.uri"})
	if err != nil {
		return nil, fmt.Errorf("opening artefact store: %w", err)
	}
	return &Store{bucket: b, prefix: prefix}, nil
}

// Private gives the part of the store below a folder as a store of its own, for what belongs to one owner and is deleted with
// it: its blobs are shared with nothing outside. It ends with the store that it is a part of and is not closed.
func (s *Store) Private(part string) (*Store, error) {
	if err := checkDocumentName(part); err != nil {
		return nil, err
	}
	return &Store{folder: s.folder, bucket: s.bucket, private: true, prefix: s.prefix + part + "/"}, nil
}

// Close releases the store's connections.
func (s *Store) Close() error {
	var err error
	if s.folder != nil {
		err = s.folder.Close()
	} else {
		err = s.bucket.Close()
	}
	if err != nil {
		return fmt.Errorf("closing artefact store: %w", err)
	}
	return nil
}

// at gives the name in the folder or bucket.
func (s *Store) at(key string) string { return s.prefix + key }

// write makes key visible with what fill writes, or leaves everything as it was. In a file store the bytes and the
// folders above them are on disk before it returns, so a document can never outlive what it names.
func (s *Store) write(ctx context.Context, key, contentType string, fill func(w io.Writer) error) error {
	if s.folder != nil {
		// The pods of a namespace that read it run under users of their own.
		if err := s.folder.Write(ctx, s.at(key), 0o666, fill); err != nil {
			return fmt.Errorf("writing %s: %w", key, err)
		}
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, s.at(key), &blob.WriterOptions{ContentType: contentType, DisableContentTypeDetection: true})
	if err != nil {
		return fmt.Errorf("creating %s: %w", key, err)
	}
	if err := fill(w); err != nil {
		// A cancelled writer gives its upload up instead of publishing it.
		cancel()
		_ = w.Close()
		return fmt.Errorf("writing %s: %w", key, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("publishing %s: %w", key, err)
	}
	return nil
}

// look tells size and age of an object without reading it.
func (s *Store) look(ctx context.Context, key string) (size int64, written time.Time, err error) {
	if s.folder != nil {
		info, err := s.folder.Look(s.at(key))
		if err != nil {
			return 0, time.Time{}, named(key, err)
		}
		return info.Size(), info.ModTime(), nil
	}
	attrs, err := s.bucket.Attributes(ctx, s.at(key))
	if err != nil {
		return 0, time.Time{}, named(key, err)
	}
	return attrs.Size, attrs.ModTime, nil
}

// delete deletes an object; a missing one is no error.
func (s *Store) delete(ctx context.Context, key string) error {
	var err error
	if s.folder != nil {
		err = s.folder.Remove(s.at(key))
	} else {
		err = s.bucket.Delete(ctx, s.at(key))
	}
	if err = named(key, err); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("deleting %w", err)
	}
	return nil
}

// named says which object an error is about, and makes ErrNotFound of every way to say that it is missing.
func named(key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), gcerrors.Code(err) == gcerrors.NotFound:
		return fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	return fmt.Errorf("%s: %w", key, err)
}

// staleAfter is the age at which a temporary file's writer must be dead: every write renews the file's time.
const staleAfter = 24 * time.Hour

// sweepStale removes parts of blobs whose writers were killed; a checkpoint's can be large. What cannot be removed stays: this is
// housekeeping, which no writer fails for.
func (s *Store) sweepStale(ctx context.Context) {
	if s.folder != nil {
		_ = s.folder.RemoveStale(ctx, s.at(blobFolder+"sha256"), staleAfter)
	}
}
