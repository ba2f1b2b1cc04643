package artefact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// open opens an object and tells its size. In a file store neither a link out of the folder nor a pipe or device is opened:
// whoever mounts the claim can put them there, and a reader may see files that the writer may not.
func (s *Store) open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if s.files != nil {
		return s.openFile(key)
	}
	r, err := s.bucket.NewReader(ctx, s.at(key), nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, 0, fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("opening %s: %w", key, err)
	}
	return r, r.Size(), nil
}

func (s *Store) openFile(key string) (io.ReadCloser, int64, error) {
	// Without O_NONBLOCK the opening of a pipe would wait for its writer, for ever.
	f, err := s.files.OpenFile(filepath.FromSlash(s.at(key)), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, s.refusal(key, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("it is a %s: %w", info.Mode().Type(), ErrUnsafePath)
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, fmt.Errorf("opening %s: %w", key, err)
	}
	return f, info.Size(), nil
}

func (s *Store) refusal(key string, err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", key, ErrNotFound)
	case !errors.As(err, &errno):
		// It was not the system that refused but os.Root: the path leaves the store.
		return fmt.Errorf("opening %s: %w: %w", key, ErrUnsafePath, err)
	}
	return fmt.Errorf("opening %s: %w", key, err)
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
	case s.root != "" && strings.HasSuffix(key, temporarySuffix):
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
func (s *Store) walk(ctx context.Context, folder string, visit func(object) error) error {
	if s.files != nil {
		return s.walkFolder(ctx, folder, visit)
	}
	prefix := s.prefix
	if folder != "" {
		prefix += folder + "/"
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

// lostAndFound is the folder that file systems put at the top of a volume; only root may read it.
const lostAndFound = "lost+found"

func (s *Store) walkFolder(ctx context.Context, folder string, visit func(object) error) error {
	top := path.Clean(s.prefix + folder)
	return fs.WalkDir(s.files.FS(), top, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// The folder was never made, or somebody else has just deleted the file.
			return nil
		case err == nil:
			err = ctx.Err()
		}
		if name == lostAndFound && entry.IsDir() {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		key := strings.TrimPrefix(name, s.prefix)
		o := object{key: key, kind: s.kindOf(key), size: info.Size(), written: info.ModTime()}
		if !info.Mode().IsRegular() {
			o.kind = irregular
		}
		return visit(o)
	})
}
