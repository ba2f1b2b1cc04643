package artefact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/braincreators/tryon-operator/internal/folder"
)

// open opens an object and tells its size. In a file store neither a link out of the folder nor a pipe or device is opened:
// whoever mounts the claim can put them there, and a reader may see files that the writer may not.
func (s *Store) open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if s.folder != nil {
		f, info, err := s.folder.Read(s.at(key))
		if err != nil {
			return nil, 0, fmt.Errorf("opening %w", named(key, err))
		}
		return f, info.Size(), nil
	}
	r, err := s.bucket.NewReader(ctx, s.at(key), nil)
	if err != nil {
		return nil, 0, fmt.Errorf("opening %w", named(key, err))
	}
	return r, r.Size(), nil
}

// openHead opens an object of which nobody wants more than limit bytes: an object store need not send the rest.
func (s *Store) openHead(ctx context.Context, key string, limit int64) (io.ReadCloser, error) {
	if s.folder != nil {
		r, _, err := s.open(ctx, key)
		return r, err
	}
	r, err := s.bucket.NewRangeReader(ctx, s.at(key), 0, limit, nil)
	if err != nil {
		return nil, fmt.Errorf("opening %w", named(key, err))
	}
	return r, nil
}

// kind is what an object of a store is, as far as its name tells.
type kind int

const (
	// document is a document, blobBytes a blob.
	document kind = iota
	blobBytes
	// temporary is what a writer has not renamed yet, or never will.
	temporary
	// foreign has a name that no document may have.
	foreign
	// irregular is no file: a link, a pipe, a device.
	irregular
)

// object is one entry of a listing.
type object struct {
	key     string
	kind    kind
	size    int64
	written time.Time
}

var blobName = regexp.MustCompile(`(?:^|/)blobs/sha256/([0-9a-f]{64})$`)

// digits gives a blob's digest as its name says it.
func (o object) digits() string { return path.Base(o.key) }

func (s *Store) kindOf(key string) kind {
	switch {
	case s.folder != nil && folder.Partial(key):
		return temporary
	case blobName.MatchString(key):
		return blobBytes
	case checkDocumentName(key) == nil:
		return document
	}
	return foreign
}

// walk visits every object below a folder, "" for all. Anything that cannot be looked at is an error: who looks for what may be
// deleted must not miss a document.
func (s *Store) walk(ctx context.Context, below string, visit func(object) error) error {
	if s.folder != nil {
		return s.walkFolder(ctx, below, visit)
	}
	prefix := s.prefix
	if below != "" {
		prefix += below + "/"
	}
	for it := s.bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		key := strings.TrimPrefix(o.Key, s.prefix)
		if err := visit(object{key: key, kind: s.kindOf(key), size: o.Size, written: o.ModTime}); err != nil {
			return err
		}
	}
}

func (s *Store) walkFolder(ctx context.Context, below string, visit func(object) error) error {
	return s.folder.Walk(ctx, s.prefix+below, func(name string, info fs.FileInfo) error {
		key := strings.TrimPrefix(name, s.prefix)
		o := object{key: key, kind: s.kindOf(key), size: info.Size(), written: info.ModTime()}
		if !info.Mode().IsRegular() {
			o.kind = irregular
		}
		return visit(o)
	})
}
