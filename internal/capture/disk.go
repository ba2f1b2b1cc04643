package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"time"

	"github.com/braincreators/tryon-operator/internal/folder"
)

// disk is a folder on a disk.
type disk struct{ folder *folder.Folder }

func openDisk(u *url.URL) (*Folder, error) {
	at, err := folder.At(u)
	if err != nil {
		return nil, err
	}
	f, err := folder.Open(at)
	if err != nil {
		return nil, err
	}
	return &Folder{place: disk{f}, close: f.Close}, nil
}

func (d disk) list(ctx context.Context, stale time.Duration) ([]Entry, error) {
	// What a killed writer has left is a part of somebody's picture.
	if err := d.folder.RemoveStale(ctx, ".", stale); err != nil {
		return nil, err
	}
	var all []Entry
	for name, err := range d.folder.Names(ctx, ".") {
		if err != nil {
			return nil, err
		}
		if _, ours := parse(name); !ours {
			continue
		}
		info, err := d.folder.Look(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return nil, err
		}
		if all = append(all, Entry{Name: name, Bytes: info.Size()}); len(all) == maxListed {
			break
		}
	}
	return all, nil
}

func (d disk) read(_ context.Context, name string, limit int64) ([]byte, error) {
	f, _, err := d.folder.Read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotFound
	case errors.Is(err, folder.ErrIrregular):
		return nil, fmt.Errorf("%w: %w", ErrBadFile, err)
	case err != nil:
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readAll(f, limit)
}

// readAll reads at most limit bytes.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("%w: more than %d bytes", ErrBadFile, limit)
	}
	return body, err
}

func (d disk) put(ctx context.Context, name string, body []byte) error {
	// Jobs of the same group read it under another user, and nobody else does.
	return d.folder.Write(ctx, name, 0o660, func(w io.Writer) error { _, err := w.Write(body); return err })
}

func (d disk) remove(ctx context.Context, name string) error {
	// Each removal waits for the disk, so many of them take time that a pod which stops has not.
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := d.folder.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
