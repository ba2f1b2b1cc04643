package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// ErrUnsafePath says that a name leads out of the folder, or to something that is no file.
var ErrUnsafePath = errors.New("unsafe path")

// TemporarySuffix ends the names of files that their writer has not renamed yet, or never will.
const TemporarySuffix = ".tmp"

// Folder is an open folder. Names in it are slash-separated. It is safe for concurrent use, also by several processes.
type Folder struct{ root *os.Root }

// Open opens a folder that exists.
func Open(at string) (*Folder, error) {
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, err
	}
	return &Folder{root}, nil
}

// Close releases the folder.
func (f *Folder) Close() error { return f.root.Close() }

// Read opens a regular file.
func (f *Folder) Read(name string) (*os.File, fs.FileInfo, error) {
	// Without O_NONBLOCK the opening of a pipe would wait for its writer, for ever.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, refusal(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: it is a %s", ErrUnsafePath, info.Mode().Type())
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// Look tells what bears a name, without following it where it is a link.
func (f *Folder) Look(name string) (fs.FileInfo, error) {
	info, err := f.root.Lstat(name)
	return info, refusal(err)
}

// Write makes what fill writes visible under a name, or leaves everything as it was.
func (f *Folder) Write(ctx context.Context, name string, fill func(io.Writer) error) error {
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	if err := f.root.MkdirAll(dir, 0o777); err != nil {
		return refusal(err)
	}
	// Everything happens below the folder as it was opened, also when somebody puts another in its place meanwhile.
	below, err := f.root.OpenRoot(dir)
	if err != nil {
		return refusal(err)
	}
	defer func() { _ = below.Close() }()
	temporary := rand.Text() + TemporarySuffix
	if err := writeFile(below, temporary, fill); err != nil {
		return errors.Join(err, forget(below, temporary))
	}
	if err = ctx.Err(); err == nil {
		err = refusal(below.Rename(temporary, base))
	}
	if err != nil {
		return errors.Join(err, forget(below, temporary))
	}
	return f.sync(dir)
}

func writeFile(below *os.Root, name string, fill func(io.Writer) error) error {
	file, err := below.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return refusal(err)
	}
	if err = fill(file); err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func forget(below *os.Root, name string) error {
	if err := below.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Remove deletes a file, or a link and not what it leads to; a missing one is fs.ErrNotExist.
func (f *Folder) Remove(name string) error {
	if err := f.root.Remove(name); err != nil {
		return refusal(err)
	}
	return f.sync(path.Dir(name))
}

// RemoveStale deletes the temporary files in a folder whose writers must be dead, because every write renews a file's time. What
// cannot be removed stays: this is housekeeping, and another process may do the same.
func (f *Folder) RemoveStale(dir string, age time.Duration) {
	entries, err := fs.ReadDir(f.root.FS(), dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasSuffix(entry.Name(), TemporarySuffix) && time.Since(info.ModTime()) > age {
			_ = f.root.Remove(path.Join(dir, entry.Name()))
		}
	}
}

// lostAndFound is the folder that file systems put at the top of a volume; only root may read it.
const lostAndFound = "lost+found"

// Walk visits everything below a folder that is no folder itself; links are visited and not followed. A folder that was never made
// is empty, and what somebody else has just deleted is not visited; anything else that cannot be looked at is an error.
func (f *Folder) Walk(ctx context.Context, top string, visit func(name string, info fs.FileInfo) error) error {
	return fs.WalkDir(f.root.FS(), path.Clean(top), func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err == nil:
			err = ctx.Err()
		}
		if err == nil && name == lostAndFound && entry.IsDir() {
			return fs.SkipDir
		}
		if err != nil {
			return refusal(err)
		}
		if entry.IsDir() {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return refusal(err)
		}
		return visit(name, info)
	})
}

// sync makes the names in a folder, and in all above it, durable.
func (f *Folder) sync(dir string) error {
	for ; ; dir = path.Dir(dir) {
		if err := f.syncOne(dir); err != nil {
			return fmt.Errorf("making %s durable: %w", dir, refusal(err))
		}
		if dir == "." {
			return nil
		}
	}
}

func (f *Folder) syncOne(dir string) error {
	file, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// refusal tells a path that leaves the folder from what the system refuses: os.Root has no error of its own for it.
func refusal(err error) error {
	var of *fs.PathError
	var link *os.LinkError
	var errno syscall.Errno
	if (errors.As(err, &of) || errors.As(err, &link)) && !errors.As(err, &errno) && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrUnsafePath, err)
	}
	return err
}
