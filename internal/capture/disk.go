package capture

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// partial begins the name of a file that is being written.
const partial = ".partial-"

// disk is a folder on a disk. os.Root holds every access below it, whatever links say.
type disk struct{ root *os.Root }

func openDisk(u *url.URL) (*Folder, error) {
	if u.Host != "" || u.RawQuery != "" || !filepath.IsAbs(u.Path) {
		return nil, fmt.Errorf("%q: want file:///absolute/folder and nothing else", u)
	}
	root, err := os.OpenRoot(u.Path)
	if err != nil {
		return nil, err
	}
	return &Folder{place: disk{root}, close: root.Close}, nil
}

func (d disk) list(ctx context.Context, stale time.Duration) ([]Entry, error) {
	dir, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	var all []Entry
	for len(all) < maxListed && ctx.Err() == nil {
		files, err := dir.ReadDir(1000)
		for _, file := range files {
			known, err := d.look(file, stale)
			if err != nil {
				return nil, err
			}
			all = append(all, known...)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return all, ctx.Err()
}

// look gives a file that is one of ours, and removes what a killed writer has left: it is a part of somebody's picture.
func (d disk) look(file fs.DirEntry, stale time.Duration) ([]Entry, error) {
	_, ours := parse(file.Name())
	half := strings.HasPrefix(file.Name(), partial)
	if !ours && !half {
		return nil, nil
	}
	info, err := file.Info()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, nil
	case ours:
		return []Entry{{Name: file.Name(), Bytes: info.Size()}}, nil
	case time.Since(info.ModTime()) < stale:
		return nil, nil
	}
	return nil, d.remove(context.Background(), file.Name())
}

func (d disk) read(_ context.Context, name string, limit int64) ([]byte, error) {
	// Without O_NONBLOCK a pipe in the place of a file would keep the read for ever.
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: it is a %s", ErrBadFile, info.Mode().Type())
	}
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

func (d disk) put(_ context.Context, name string, body []byte) error {
	half := partial + rand.Text()
	// Jobs of the same group read it under another user.
	f, err := d.root.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o660)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.root.Rename(half, name)
	}
	if err != nil {
		return errors.Join(err, d.root.Remove(half))
	}
	return nil
}

func (d disk) remove(_ context.Context, name string) error {
	if err := d.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
