package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/braincreators/tryon-operator/internal/task"
)

// MaxPictureBytes bounds a picture or a pose document that is read into memory.
const MaxPictureBytes = 64 << 20

// ReadVerified reads one file of a version into memory. Errors wrap ErrNotFound, ErrChanged or ErrTooLarge where they apply.
func ReadVerified(ctx context.Context, source Source, f File, limit int64) ([]byte, error) {
	if f.Size > limit {
		return nil, fmt.Errorf("%q has %d bytes: %w of %d", f.Path, f.Size, ErrTooLarge, limit)
	}
	r, err := source.Open(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	body := make([]byte, f.Size)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%q has fewer bytes than the pinned %d: %w", f.Path, f.Size, ErrChanged)
		}
		return nil, fmt.Errorf("reading %q: %w", f.Path, err)
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || (err != nil && !errors.Is(err, io.EOF)) {
		return nil, errors.Join(fmt.Errorf("%q has more bytes than the pinned %d: %w", f.Path, f.Size, ErrChanged), err)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, fmt.Errorf("%q is not the pinned file: %w", f.Path, ErrChanged)
	}
	return body, nil
}

// Fetch lays out a version in dir, which must not exist or be empty, and verifies every byte on the way. dir appears whole
// or not at all.
func Fetch(ctx context.Context, store Documents, from task.Source, digest, dir string) error {
	m, err := ReadManifest(ctx, store, digest)
	if err != nil {
		return err
	}
	source, err := OpenSource(ctx, from.URI)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("creating the target's parent: %w", err)
	}
	draft, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".partial-")
	if err != nil {
		return fmt.Errorf("creating draft folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(draft) }()
	if err := copyAll(ctx, source, m, draft); err != nil {
		return err
	}
	if err := os.Chmod(draft, 0o755); err != nil {
		return fmt.Errorf("opening the draft to readers: %w", err)
	}
	// Renaming onto an empty folder replaces it; onto anything else it fails.
	if err := os.Rename(draft, dir); err != nil {
		return fmt.Errorf("putting the dataset in place: %w", err)
	}
	return nil
}

func copyAll(ctx context.Context, source Source, m *Manifest, draft string) error {
	root, err := os.OpenRoot(draft)
	if err != nil {
		return fmt.Errorf("opening draft folder: %w", err)
	}
	defer func() { _ = root.Close() }()
	made := map[string]bool{".": true}
	group, ctx := errgroup.WithContext(ctx)
	const transfers = 4
	group.SetLimit(transfers)
	for _, f := range m.Files {
		if folder := path.Dir(f.Path); !made[folder] {
			if err := root.MkdirAll(folder, 0o755); err != nil {
				return errors.Join(fmt.Errorf("creating folder: %w", err), group.Wait())
			}
			made[folder] = true
		}
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			return copyFile(ctx, source, root, f)
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("fetching dataset: %w", err)
	}
	return nil
}

func copyFile(ctx context.Context, source Source, root *os.Root, f File) error {
	r, err := source.Open(ctx, f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	out, err := root.OpenFile(f.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("creating %q: %w", f.Path, err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(r, f.Size+1))
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copying %q: %w", f.Path, err)
	}
	if n != f.Size || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%q is not the pinned file: %w", f.Path, ErrChanged)
	}
	return nil
}
