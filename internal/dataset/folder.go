package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// folder is a source on a disk. os.Root holds every access below it, whatever links say.
type folder struct{ root *os.Root }

func openFolder(dir string) (*folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening source folder: %w", err)
	}
	return &folder{root}, nil
}

func (f *folder) Close() error { return f.root.Close() }

func (f *folder) List(ctx context.Context) ([]Object, error) {
	var out []Object
	err := fs.WalkDir(f.root.FS(), ".", func(p string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if skip, verdict := passOver(p, entry, err); skip {
			return verdict
		}
		object, err := f.object(p, entry)
		if err != nil {
			return err
		}
		if len(out) == MaxFiles {
			return fmt.Errorf("more than %d files: %w", MaxFiles, ErrTooLarge)
		}
		out = append(out, object)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing source folder: %w", err)
	}
	return out, nil
}

// passOver tells whether an entry is no file of the dataset, with what the walk is to be told. An ignored folder may be
// unreadable, as a file system's own often is.
func passOver(p string, entry fs.DirEntry, err error) (skip bool, verdict error) {
	switch {
	case p != "." && ignored(p) && (err != nil || entry.IsDir()):
		return true, fs.SkipDir
	case err != nil:
		return true, err
	}
	return entry.IsDir() || ignored(p), nil
}

// object describes a file; a symbolic link stands for the regular file below the root that it leads to.
func (f *folder) object(p string, entry fs.DirEntry) (Object, error) {
	info, err := entry.Info()
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		info, err = f.root.Stat(p)
		if err != nil {
			return Object{}, fmt.Errorf("%w: link %q: %w", ErrIrregular, p, err)
		}
	}
	if err != nil {
		return Object{}, fmt.Errorf("looking at %q: %w", p, err)
	}
	if !info.Mode().IsRegular() {
		return Object{}, fmt.Errorf("%w: %q is %s", ErrIrregular, p, kindOf(info.Mode()))
	}
	return Object{Path: p, Size: info.Size(), Stamp: stamp(info)}, nil
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a link to a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// stamp is the change time as well as the modification time: the latter can be set back, the former cannot.
func stamp(info fs.FileInfo) string {
	out := fmt.Sprintf("m%d", info.ModTime().UnixNano())
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		out += fmt.Sprintf("c%d.%dd%di%d", s.Ctim.Sec, s.Ctim.Nsec, s.Dev, s.Ino)
	}
	return out
}

func (f *folder) Open(_ context.Context, p string) (io.ReadCloser, error) {
	// Without O_NONBLOCK a pipe put in the place of a file would block for ever.
	file, err := f.root.OpenFile(p, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%q: %w", p, ErrNotFound)
		}
		return nil, fmt.Errorf("opening %q: %w", p, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %q is %s", ErrIrregular, p, kindOf(info.Mode()))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// stem is a file's name without folders and extension.
func stem(p string) string {
	base := path.Base(p)
	return strings.TrimSuffix(base, path.Ext(base))
}
