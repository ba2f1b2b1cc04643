package layer

import (
	"archive/tar"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Entry is one path of a layer.
type Entry struct {
	// Path is relative to the image's root, with slashes.
	Path string
	// Mode is the type and the permission bits. Directories, regular files and symbolic links exist in a layer.
	Mode fs.FileMode
	// UID and GID own the file.
	UID, GID int
	// Source is the host's file with the content; Content is the content when Source is empty.
	Source  string
	Content string
	// Target is where a symbolic link points, or for a regular file the path of the entry it is a hard link to.
	Target string
	// Time is the modification time; the zero value is 1970.
	Time time.Time
}

// WithParents adds the folders that entries need and do not name, owned by root with mode 0755, and sorts by path.
// The last of several entries for one path is kept.
func WithParents(entries []Entry) []Entry {
	byPath := map[string]Entry{}
	for _, e := range entries {
		e.Path = strings.Trim(path.Clean("/"+e.Path), "/")
		if e.Path == "" {
			continue
		}
		byPath[e.Path] = e
	}
	out := make([]Entry, 0, len(byPath))
	for _, e := range byPath {
		for p := path.Dir(e.Path); p != "."; p = path.Dir(p) {
			if _, ok := byPath[p]; !ok {
				out = append(out, Entry{Path: p, Mode: fs.ModeDir | 0o755})
			}
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(out, func(a, b Entry) bool { return a.Path == b.Path })
}

// FromRoot lists a whole root file system below dir, with its owners and hard links. Set-user-ID and set-group-ID bits are
// dropped: nothing in our images may gain privileges. Times after latest become the zero time, so that what the making of
// the root left behind does not change the digest, while files of packages keep the times their bytecode caches refer to.
func FromRoot(dir string, latest time.Time) ([]Entry, error) {
	var entries []Entry
	first := map[inode]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := Entry{
			Path:   strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(p, dir)), "/"),
			Source: p,
			Mode:   info.Mode() & (fs.ModeType | fs.ModePerm | fs.ModeSticky),
		}
		switch info.Mode().Type() {
		case 0, fs.ModeDir:
		case fs.ModeSymlink:
			if e.Target, err = os.Readlink(p); err != nil {
				return err
			}
		default:
			// Devices, sockets and pipes belong to a running system.
			return nil
		}
		if t := info.ModTime().Truncate(time.Second); !t.After(latest) {
			e.Time = t
		}
		own(&e, info, first)
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing root file system: %w", err)
	}
	return entries, nil
}

// inode names a file's content on this machine.
type inode struct {
	device, number uint64
}

// own fills in the owner, and the hard link for a file whose content an earlier entry has.
func own(e *Entry, info fs.FileInfo, first map[inode]string) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	e.UID, e.GID = int(st.Uid), int(st.Gid)
	if st.Nlink < 2 || !info.Mode().IsRegular() {
		return
	}
	id := inode{st.Dev, st.Ino}
	if at, seen := first[id]; seen {
		e.Target = at
	} else {
		first[id] = e.Path
	}
}

func writeTar(out io.Writer, entries []Entry) error {
	w := tar.NewWriter(out)
	// A hard link must come after what it links to; WalkDir's order keeps that, and so does the order by path.
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(boolOrder(isHardLink(a), isHardLink(b)), strings.Compare(a.Path, b.Path))
	})
	for _, e := range entries {
		if err := writeEntry(w, e); err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	return w.Close()
}

func isHardLink(e Entry) bool { return e.Mode.IsRegular() && e.Target != "" }

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func writeEntry(w *tar.Writer, e Entry) error {
	h := &tar.Header{
		Name: e.Path, Uid: e.UID, Gid: e.GID, ModTime: time.Unix(0, 0),
		Mode: int64(e.Mode.Perm()), Format: tar.FormatPAX,
	}
	if !e.Time.IsZero() {
		h.ModTime = e.Time
	}
	if e.Mode&fs.ModeSticky != 0 {
		h.Mode |= 0o1000
	}
	switch {
	case e.Mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
	case e.Mode&fs.ModeSymlink != 0:
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, e.Target, 0o777
	case isHardLink(e):
		h.Typeflag, h.Linkname = tar.TypeLink, e.Target
	case !e.Mode.IsRegular():
		return fmt.Errorf("mode %v has no place in a layer", e.Mode)
	default:
		return writeFile(w, h, e)
	}
	return w.WriteHeader(h)
}

func writeFile(w *tar.Writer, h *tar.Header, e Entry) error {
	h.Typeflag = tar.TypeReg
	if e.Source == "" {
		h.Size = int64(len(e.Content))
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err := io.WriteString(w, e.Content)
		return err
	}
	f, err := os.Open(e.Source)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h.Size = info.Size()
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
