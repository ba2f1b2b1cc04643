package buildctx

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// File is one regular file or symbolic link that was selected.
type File struct {
	// Path is relative to the copied directory's destination, with slashes.
	Path string `json:"path"`
	// Mode holds 0644 or 0755 (a work tree's other bits depend on who checked it out), or fs.ModeSymlink.
	Mode fs.FileMode `json:"mode"`
	// Digest is the SHA-256 of the content or of the link's target, in hexadecimal.
	Digest string `json:"digest"`
	// Source is where the file is on the host.
	Source string `json:"-"`
	// Target is what a symbolic link points to.
	Target string `json:"target,omitempty"`
}

// Context is a folder with its .dockerignore.
type Context struct {
	root    string
	matcher *patternmatcher.PatternMatcher
}

// MissingError says that a COPY names something that is not in the context, or that .dockerignore hides.
type MissingError struct {
	Source string
}

// Error names the source.
func (e *MissingError) Error() string {
	return fmt.Sprintf("COPY %s: not in the build context (does it exist, and does .dockerignore let it through?)", e.Source)
}

// Open reads root's .dockerignore, if there is one.
func Open(root string) (*Context, error) {
	var patterns []string
	f, err := os.Open(filepath.Join(root, ".dockerignore"))
	switch {
	case err == nil:
		defer f.Close()
		if patterns, err = ignorefile.ReadAll(f); err != nil {
			return nil, fmt.Errorf("reading .dockerignore: %w", err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading .dockerignore: %w", err)
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("reading .dockerignore: %w", err)
	}
	return &Context{root: root, matcher: m}, nil
}

// Select lists what a COPY of source takes: the file itself, or everything in the folder. The list is sorted by path.
func (c *Context) Select(source string) ([]File, error) {
	return Tree(filepath.Join(c.root, filepath.FromSlash(path.Clean("/"+source))), source, c.ignored)
}

// mayHold says whether an ignored folder can still hold files that an exception (a "!" line) lets through.
func (c *Context) mayHold(rel string) bool {
	if rel == "." {
		return true
	}
	for _, p := range c.matcher.Patterns() {
		if p.Exclusion() && strings.HasPrefix(p.String(), rel+"/") {
			return true
		}
	}
	return false
}

// ignored says whether .dockerignore hides a file, with a folder's match applied to what is below it. Of a folder it says
// whether all below it is hidden.
func (c *Context) ignored(host string, folder bool) (bool, error) {
	rel, err := filepath.Rel(c.root, host)
	if err != nil || rel == "." {
		return false, err
	}
	hidden, err := c.matcher.MatchesOrParentMatches(filepath.ToSlash(rel))
	if folder && hidden && c.mayHold(filepath.ToSlash(rel)) {
		return false, err
	}
	return hidden, err
}

// All is a skip for Tree that hides nothing.
func All(string, bool) (bool, error) { return false, nil }

// Tree lists the files below host (or host itself) that skip does not hide; source is how the recipe calls it, for errors.
// skip is asked about folders too; All hides nothing.
func Tree(host, source string, skip func(path string, folder bool) (bool, error)) ([]File, error) {
	info, err := os.Lstat(host)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{Source: source}
	} else if err != nil {
		return nil, fmt.Errorf("reading COPY %s: %w", source, err)
	}
	var files []File
	err = filepath.WalkDir(host, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden, err := skip(p, d.IsDir())
		switch {
		case err != nil:
			return err
		case d.IsDir() && (hidden || d.Name() == ".git"):
			return fs.SkipDir
		case d.IsDir() || hidden:
			return nil
		}
		f, err := describe(p, relative(host, p, info.IsDir()))
		files = append(files, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading COPY %s: %w", source, err)
	}
	if len(files) == 0 {
		return nil, &MissingError{Source: source}
	}
	return files, nil
}

// relative is where p goes below the destination: its path inside of a copied folder, or its name when it is copied alone.
func relative(root, p string, folder bool) string {
	if !folder {
		return filepath.Base(p)
	}
	return strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(p, root)), "/")
}

func describe(host, rel string) (File, error) {
	info, err := os.Lstat(host)
	if err != nil {
		return File{}, err
	}
	f := File{Path: rel, Source: host, Mode: 0o644}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if f.Target, err = os.Readlink(host); err != nil {
			return File{}, err
		}
		f.Mode = fs.ModeSymlink
		sum := sha256.Sum256([]byte(f.Target))
		f.Digest = hex.EncodeToString(sum[:])
		return f, nil
	case !info.Mode().IsRegular():
		return File{}, fmt.Errorf("%s is neither a file, a folder nor a symbolic link", rel)
	case info.Mode()&0o100 != 0:
		f.Mode = 0o755
	}
	in, err := os.Open(host)
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return File{}, err
	}
	f.Digest = hex.EncodeToString(h.Sum(nil))
	return f, nil
}

// Copy places files below dir, which stays inside of it: a path that would leave is refused.
func Copy(files []File, dir string) error {
	for _, f := range files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return fmt.Errorf("copying %s: the path leaves its folder", f.Path)
		}
		to := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("copying %s: %w", f.Path, err)
		}
		if err := copyOne(f, to); err != nil {
			return fmt.Errorf("copying %s: %w", f.Path, err)
		}
	}
	return nil
}

func copyOne(f File, to string) error {
	if f.Mode&fs.ModeSymlink != 0 {
		return os.Symlink(f.Target, to)
	}
	in, err := os.Open(f.Source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, f.Mode)
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, h), in); err != nil {
		out.Close()
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != f.Digest {
		out.Close()
		return errors.New("the file changed while it was read")
	}
	return out.Close()
}

// Destination rewrites the files' paths to where a COPY with this destination puts them, relative to the image's root.
// A single file goes to dest itself unless dest was written as a folder.
func Destination(files []File, dest string, intoDir, single bool) []File {
	dest = strings.TrimPrefix(path.Clean(dest), "/")
	out := make([]File, 0, len(files))
	for _, f := range files {
		if single && !intoDir {
			f.Path = dest
		} else {
			f.Path = path.Join(dest, f.Path)
		}
		out = append(out, f)
	}
	return out
}
