package folder

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

var (
	// ErrUnsafePath says that a name leads out of the folder, or to something that is no file.
	ErrUnsafePath = errors.New("unsafe path")
	// ErrIrregular is the second of these: a folder, a pipe or a device bears the name.
	ErrIrregular = fmt.Errorf("%w: no regular file", ErrUnsafePath)
)

// partial begins the names of files that their writer has not renamed yet, or never will. Strangers' files hardly begin so.
const partial = ".partial-"

// Partial says whether a file of that name, with or without its folders, is a part that Write has left or is about to rename.
func Partial(name string) bool { return strings.HasPrefix(path.Base(name), partial) }

// Folder is an open folder. Names in it are slash-separated. It is safe for concurrent use, also by several processes.
type Folder struct{ root *os.Root }

// At gives the path that a URI names: file:///absolute/folder, and nothing beside it.
func At(u *url.URL) (string, error) {
	if u.Host != "" || u.RawQuery != "" || !filepath.IsAbs(u.Path) {
		return "", fmt.Errorf("%q: want file:///absolute/folder and nothing else", u)
	}
	return filepath.Clean(u.Path), nil
}

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

// Read opens a regular file. A link within the folder is followed.
func (f *Folder) Read(name string) (*os.File, fs.FileInfo, error) {
	// Without O_NONBLOCK the opening of a pipe would wait for its writer, for ever.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, refusal(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: it is a %s", ErrIrregular, info.Mode().Type())
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

// Write makes what fill writes visible under a name, or leaves everything as it was. perm are the file's rights before the umask.
func (f *Folder) Write(ctx context.Context, name string, perm fs.FileMode, fill func(io.Writer) error) error {
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
	temporary := partial + rand.Text()
	if err := writeFile(below, temporary, perm, fill); err != nil {
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

func writeFile(below *os.Root, name string, perm fs.FileMode, fill func(io.Writer) error) error {
	file, err := below.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
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

// RemoveStale deletes the parts of files in a folder, not below it, that were written to last before that time: their writers must be
// dead, because every write renews a file's time. One that another process deletes meanwhile is no error.
func (f *Folder) RemoveStale(ctx context.Context, dir string, age time.Duration) error {
	var all error
	for name, err := range f.Names(ctx, dir) {
		if err == nil && Partial(name) {
			err = f.removeStale(path.Join(dir, name), age)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

func (f *Folder) removeStale(name string, age time.Duration) error {
	info, err := f.Look(name)
	if err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) <= age {
		return err
	}
	return f.Remove(name)
}

// namesAtATime bounds what is read of a folder before the first name is handed out.
const namesAtATime = 100

// Names hands out the names in a folder, in no order and until nobody wants more; an error is the last that is handed out. What has a name
// may be gone when it is looked at.
func (f *Folder) Names(ctx context.Context, dir string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		open, err := f.openDir(dir)
		if err != nil {
			yield("", refusal(err))
			return
		}
		defer func() { _ = open.Close() }()
		for err == nil {
			var names []string
			names, err = open.Readdirnames(namesAtATime)
			for _, name := range names {
				if !yield(name, nil) {
					return
				}
			}
			err = cmp.Or(ctx.Err(), err)
		}
		if !errors.Is(err, io.EOF) {
			yield("", err)
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
		info, err := f.Look(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
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
	file, err := f.openDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// openDir opens nothing but a folder: a pipe that has taken its place would keep the caller for ever.
func (f *Folder) openDir(dir string) (*os.File, error) {
	return f.root.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
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
