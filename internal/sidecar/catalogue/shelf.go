package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// shelf is where the files lie.
type shelf interface {
	// open opens a file and tells its size. The error wraps ErrNotFound when there is none.
	open(ctx context.Context, name string) (io.ReadCloser, int64, error)
	// peek hands out names of files until one is taken, or there are no more.
	peek(ctx context.Context, take func(name string) bool) error
	Close() error
}

// folder is a shelf on a disk. os.Root holds every access below it, whatever links say: who fills a catalogue may not read what a pod may.
type folder struct{ *os.Root }

func (f folder) open(_ context.Context, name string) (io.ReadCloser, int64, error) {
	// Without O_NONBLOCK a pipe in the place of a file would keep the read, and all who ask for the same garment, for ever.
	file, err := f.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is a %s and no file", ErrNotFound, name, info.Mode().Type())
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// peeked is how many names are read at a time.
const peeked = 100

func (f folder) peek(ctx context.Context, take func(name string) bool) error {
	dir, err := f.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	for ctx.Err() == nil {
		entries, err := dir.ReadDir(peeked)
		for _, entry := range entries {
			if take(entry.Name()) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// objects is a shelf in an object store.
type objects struct{ *blob.Bucket }

func (o objects) open(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	r, err := o.NewReader(ctx, name, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	return r, r.Size(), nil
}

func (o objects) peek(ctx context.Context, take func(name string) bool) error {
	for it := o.List(nil); ; {
		object, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if take(object.Key) {
			return nil
		}
	}
}
