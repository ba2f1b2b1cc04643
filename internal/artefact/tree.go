package artefact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// treeSchema names the form of a tree's manifest.
const treeSchema = "tryon.tree/v1"

// maxTreeManifestBytes bounds a tree's manifest blob.
const maxTreeManifestBytes = 16 << 20

// File is one file of a tree.
type File struct {
	// Path is slash-separated and relative to the tree's root.
	Path string `json:"path"`
	Size int64  `json:"size"`
	// SHA256 is the 64 hex digits of the file's digest.
	SHA256 string `json:"sha256"`
}

// Tree is a stored folder.
type Tree struct {
	// Digest is the "sha256:<hex>" of the canonical manifest, and with it the tree's identity.
	Digest string
	// Files are sorted by path.
	Files []File
	// Bytes is the sum of the files' sizes.
	Bytes int64
}

// File gives the entry of that path.
func (t Tree) File(path string) (File, bool) {
	i, ok := slices.BinarySearchFunc(t.Files, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
	if !ok {
		return File{}, false
	}
	return t.Files[i], true
}

// Limits bound what a tree may bring; zero fields take the defaults.
type Limits struct {
	// Files is the largest number of files, by default 10,000.
	Files int
	// Bytes is the largest sum of their sizes, by default 16 GiB.
	Bytes int64
}

func (l Limits) withDefaults() Limits {
	if l.Files == 0 {
		l.Files = 10_000
	}
	if l.Bytes == 0 {
		l.Bytes = 16 << 30
	}
	return l
}

type manifest struct {
	Schema string `json:"schema"`
	Files  []File `json:"files"`
}

// encodeManifest gives the canonical bytes: fixed field order, no white space, no HTML escapes, no final newline.
func encodeManifest(files []File) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if files == nil {
		files = []File{}
	}
	if err := enc.Encode(manifest{Schema: treeSchema, Files: files}); err != nil {
		return nil, fmt.Errorf("encoding tree manifest: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// decodeManifest reads a manifest that somebody else may have written.
func decodeManifest(body []byte, limits Limits) (Tree, error) {
	var m manifest
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Tree{}, fmt.Errorf("%w: %w", ErrNotATree, err)
	}
	if m.Schema != treeSchema {
		return Tree{}, fmt.Errorf("%w: schema %.40q", ErrNotATree, m.Schema)
	}
	tree := Tree{Digest: DigestOf(body), Files: m.Files}
	if err := tree.check(limits.withDefaults()); err != nil {
		return Tree{}, err
	}
	for _, f := range tree.Files {
		tree.Bytes += f.Size
	}
	canonical, err := encodeManifest(m.Files)
	if err != nil {
		return Tree{}, err
	}
	// Two spellings of one tree would have two digests.
	if !bytes.Equal(canonical, body) {
		return Tree{}, fmt.Errorf("%w: not in canonical form", ErrNotATree)
	}
	return tree, nil
}

// check refuses trees that cannot be laid out safely or are over the limits.
func (t Tree) check(limits Limits) error {
	if len(t.Files) > limits.Files {
		return fmt.Errorf("tree of %d files: %w of %d", len(t.Files), ErrTooLarge, limits.Files)
	}
	left := limits.Bytes
	seen := newNames()
	for i, f := range t.Files {
		if err := checkPath(f.Path); err != nil {
			return err
		}
		if i > 0 && t.Files[i-1].Path >= f.Path {
			return fmt.Errorf("%w: %q is out of order or named twice", ErrNotATree, f.Path)
		}
		if err := seen.add(f.Path); err != nil {
			return err
		}
		if _, err := Hex(digestPrefix + f.SHA256); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrNotATree, f.Path, err)
		}
		if f.Size < 0 {
			return fmt.Errorf("%w: %q has size %d", ErrNotATree, f.Path, f.Size)
		}
		if f.Size > left {
			return fmt.Errorf("tree: %w of %d bytes", ErrTooLarge, limits.Bytes)
		}
		left -= f.Size
	}
	return nil
}

// names finds paths that would hide each other on some file system: equal but for case, or a file that is also a folder.
type names struct{ spelling, folders, files map[string]string }

func newNames() names {
	return names{spelling: map[string]string{}, folders: map[string]string{}, files: map[string]string{}}
}

func (n names) add(path string) error {
	for end := 0; end < len(path); {
		next := strings.IndexByte(path[end:], '/')
		if next < 0 {
			break
		}
		folder := path[:end+next]
		end += next + 1
		folded := strings.ToLower(folder)
		if other, ok := n.files[folded]; ok {
			return fmt.Errorf("%w: %q is a file and the folder of %q", ErrUnsafePath, other, path)
		}
		if other, ok := n.folders[folded]; ok && other != folder {
			return fmt.Errorf("%w: folders %q and %q differ only in case", ErrUnsafePath, other, folder)
		}
		n.folders[folded] = folder
	}
	folded := strings.ToLower(path)
	if other, ok := n.files[folded]; ok {
		return fmt.Errorf("%w: %q and %q differ only in case", ErrUnsafePath, other, path)
	}
	if other, ok := n.folders[folded]; ok {
		return fmt.Errorf("%w: %q is a file and the folder %q", ErrUnsafePath, path, other)
	}
	n.files[folded] = path
	return nil
}

// PutTree stores a folder: its files, then its manifest. Only regular files and folders may be in it; empty folders are
// not part of a tree. The same files give the same digest wherever and whenever they are stored.
func (s *Store) PutTree(ctx context.Context, dir string) (Tree, error) {
	paths, err := listFolder(dir)
	if err != nil {
		return Tree{}, err
	}
	tree := Tree{Files: make([]File, 0, len(paths))}
	for _, path := range paths {
		tree.Files = append(tree.Files, File{Path: path, SHA256: strings.Repeat("0", 64)})
	}
	if err := tree.check(Limits{}.withDefaults()); err != nil {
		return Tree{}, fmt.Errorf("storing folder: %w", err)
	}
	for i := range tree.Files {
		digest, size, err := s.PutBlobFile(ctx, filepath.Join(dir, filepath.FromSlash(tree.Files[i].Path)))
		if err != nil {
			return Tree{}, err
		}
		tree.Files[i].SHA256, tree.Files[i].Size = strings.TrimPrefix(digest, digestPrefix), size
		tree.Bytes += size
	}
	body, err := encodeManifest(tree.Files)
	if err != nil {
		return Tree{}, err
	}
	if tree.Digest, err = s.putBlobBytes(ctx, body); err != nil {
		return Tree{}, fmt.Errorf("storing tree manifest: %w", err)
	}
	return tree, nil
}

// listFolder gives the sorted slash-separated paths of the regular files below dir.
func listFolder(dir string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return nil
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is a %s: %w", path, entry.Type(), ErrUnsafePath)
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		paths = append(paths, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing folder: %w", err)
	}
	slices.Sort(paths)
	return paths, nil
}

// ReadTree reads and verifies a tree's manifest without its files.
func (s *Store) ReadTree(ctx context.Context, digest string, limits Limits) (Tree, error) {
	body, err := s.ReadBlob(ctx, digest, maxTreeManifestBytes)
	if err != nil {
		return Tree{}, fmt.Errorf("reading tree: %w", err)
	}
	tree, err := decodeManifest(body, limits)
	if err != nil {
		return Tree{}, fmt.Errorf("reading tree %s: %w", digest, err)
	}
	return tree, nil
}

// GetTree lays a tree out in dir, verifying every byte on the way. When dir does not exist it appears whole or not at
// all. When it exists (a mounted volume, which cannot be renamed) the files are completed inside it first and then moved
// to their names; foreign files in it are refused with ErrOccupied.
func (s *Store) GetTree(ctx context.Context, digest, dir string, limits Limits) (Tree, error) {
	tree, err := s.ReadTree(ctx, digest, limits)
	if err != nil {
		return Tree{}, err
	}
	place, err := choosePlace(dir, tree)
	if err != nil {
		return Tree{}, err
	}
	defer place.cleanUp()
	root, err := os.OpenRoot(place.staging)
	if err != nil {
		return Tree{}, fmt.Errorf("opening staging folder: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, f := range tree.Files {
		if err := s.fetchFile(ctx, root, f); err != nil {
			return Tree{}, fmt.Errorf("fetching tree %s: %w", digest, err)
		}
	}
	return tree, place.reveal()
}

func (s *Store) fetchFile(ctx context.Context, root *os.Root, f File) error {
	name := filepath.FromSlash(f.Path)
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("creating folder of %s: %w", f.Path, err)
	}
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("creating %s: %w", f.Path, err)
	}
	err = s.copyBlob(ctx, f.SHA256, f.Size, out)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return nil
}

// VerifyTree reads all of a tree without keeping it, and tells whether it is there and intact.
func (s *Store) VerifyTree(ctx context.Context, digest string, limits Limits) error {
	tree, err := s.ReadTree(ctx, digest, limits)
	if err != nil {
		return err
	}
	for _, f := range tree.Files {
		if err := s.copyBlob(ctx, f.SHA256, f.Size, io.Discard); err != nil {
			return fmt.Errorf("verifying tree %s: %s: %w", digest, f.Path, err)
		}
	}
	return nil
}
