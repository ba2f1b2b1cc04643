package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Schema names the version of the manifest.
const Schema = "tryon.dataset/v1"

// LayoutVITONHD is the folder layout of VITON-HD: {train,test}/{image,cloth,cloth-mask,image-parse-v3,openpose_json,agnostic-v3.2}.
const LayoutVITONHD = "VITONHD"

// Splits in the order in which everything treats them.
var Splits = []string{"train", "test"}

// Bounds of a manifest and its parts.
const (
	maxManifestBytes = 64 << 20
	maxFileBytes     = 1 << 30
)

// File is one file of a dataset version.
type File struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	// SHA256 is the 64 hex digits of the file's digest.
	SHA256 string `json:"sha256"`
}

// Pair is one row of a pair list: the file names of person and garment.
type Pair [2]string

// Manifest is a dataset version.
type Manifest struct {
	Schema string `json:"schema"`
	Layout string `json:"layout"`
	// Files are sorted by path.
	Files []File `json:"files"`
	// Pairs are the readable rows of the pair lists by split, in the lists' order.
	Pairs map[string][]Pair `json:"pairs"`
}

// Encode gives the canonical bytes of the manifest and their digest, "sha256:<hex>". Files are sorted first.
func (m *Manifest) Encode() (body []byte, digest string, err error) {
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return nil, "", fmt.Errorf("encoding manifest: %w", err)
	}
	body = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if len(body) > maxManifestBytes {
		return nil, "", fmt.Errorf("manifest of %d bytes: %w of %d", len(body), ErrTooLarge, maxManifestBytes)
	}
	sum := sha256.Sum256(body)
	return body, "sha256:" + hex.EncodeToString(sum[:]), nil
}

// File gives the entry of that path.
func (m *Manifest) File(path string) (File, bool) {
	i, ok := slices.BinarySearchFunc(m.Files, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
	if !ok {
		return File{}, false
	}
	return m.Files[i], true
}

// Bytes is the sum of the files' sizes.
func (m *Manifest) Bytes() int64 {
	var sum int64
	for _, f := range m.Files {
		sum += f.Size
	}
	return sum
}

// Documents is the part of the artefact store that this package uses.
type Documents interface {
	PutDocument(ctx context.Context, name string, body []byte) error
	ReadDocument(ctx context.Context, name string, limit int64) ([]byte, error)
}

// ManifestName is the name of a version's manifest in the artefact store.
func ManifestName(digest string) string {
	return "datasets/" + strings.TrimPrefix(digest, "sha256:") + "/manifest.json"
}

// ReadManifest reads and verifies a version's manifest. Errors wrap ErrManifest, or are the store's.
func ReadManifest(ctx context.Context, store Documents, digest string) (*Manifest, error) {
	body, err := store.ReadDocument(ctx, ManifestName(digest), maxManifestBytes)
	if err != nil {
		return nil, fmt.Errorf("reading manifest of %s: %w", digest, err)
	}
	return DecodeManifest(body, digest)
}

// DecodeManifest decodes a manifest strictly; its bytes must be canonical and of that digest. Errors wrap ErrManifest.
func DecodeManifest(body []byte, digest string) (*Manifest, error) {
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: trailing bytes", ErrManifest)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	canonical, got, err := m.Encode()
	switch {
	case err != nil:
		return nil, err
	case !bytes.Equal(canonical, body):
		return nil, fmt.Errorf("%w: not in canonical form", ErrManifest)
	case got != digest:
		return nil, fmt.Errorf("%w: digest is %s, want %s", ErrManifest, got, digest)
	}
	return &m, nil
}

func (m *Manifest) check() error {
	if m.Schema != Schema || m.Layout != LayoutVITONHD {
		return fmt.Errorf("schema %q and layout %q, want %q and %q", m.Schema, m.Layout, Schema, LayoutVITONHD)
	}
	if len(m.Files) > MaxFiles {
		return fmt.Errorf("%d files: %w", len(m.Files), ErrTooLarge)
	}
	seen := newTwins()
	for _, f := range m.Files {
		if err := errors.Join(checkPath(f.Path), seen.add(f.Path)); err != nil {
			return err
		}
		if f.Size < 0 || f.Size > maxFileBytes || len(f.SHA256) != 64 || strings.Trim(f.SHA256, "0123456789abcdef") != "" {
			return fmt.Errorf("file %q has size %d and digest %.70q", f.Path, f.Size, f.SHA256)
		}
	}
	return nil
}
