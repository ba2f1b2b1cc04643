package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/braincreators/tryon-operator/internal/folder"
)

// shelf is where the files lie.
type shelf interface {
	// open opens a file and tells its size. The error wraps ErrNotFound when there is none.
	open(ctx context.Context, name string) (io.ReadCloser, int64, error)
	// peek hands out names of files until one is taken, or there are no more.
	peek(ctx context.Context, take func(name string) bool) error
	Close() error
}

// disk is a shelf on a disk: who fills a catalogue may not read what a pod may, so no link leads out of it.
type disk struct{ *folder.Folder }

func (d disk) open(_ context.Context, name string) (io.ReadCloser, int64, error) {
	file, info, err := d.Read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, ErrNotFound
	case errors.Is(err, folder.ErrIrregular):
		return nil, 0, fmt.Errorf("%w: %s: %w", ErrNotFound, name, err)
	case err != nil:
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (d disk) peek(ctx context.Context, take func(name string) bool) error {
	for name, err := range d.Names(ctx, ".") {
		if err != nil || take(name) {
			return err
		}
	}
	return nil
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
