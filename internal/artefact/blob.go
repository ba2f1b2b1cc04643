package artefact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"syscall"
	"time"
)

const blobType = "application/octet-stream"

func blobKey(hexDigest string) string { return blobFolder + "sha256/" + hexDigest }

// PutBlobFile stores a regular file's bytes and gives their digest and size. Symbolic links, devices and pipes are
// refused, and so is a file that changes while it is read (ErrDigestMismatch).
func (s *Store) PutBlobFile(ctx context.Context, path string) (digest string, size int64, err error) {
	f, err := openRegular(path)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if size, err = io.Copy(sum, cancellable{ctx, f}); err != nil {
		return "", 0, fmt.Errorf("hashing %s: %w", path, err)
	}
	digits := hex.EncodeToString(sum.Sum(nil))
	if s.holds(ctx, digits, size) {
		return digestPrefix + digits, size, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", 0, fmt.Errorf("rewinding %s: %w", path, err)
	}
	if err := s.putBlob(ctx, digits, size, f); err != nil {
		return "", 0, fmt.Errorf("storing %s: %w", path, err)
	}
	return digestPrefix + digits, size, nil
}

// ReadBlob reads a blob of at most limit bytes and verifies it.
func (s *Store) ReadBlob(ctx context.Context, digest string, limit int64) ([]byte, error) {
	digits, err := Hex(digest)
	if err != nil {
		return nil, err
	}
	body, err := s.readAll(ctx, blobKey(digits), limit)
	if err != nil {
		return nil, err
	}
	if got := DigestOf(body); got != digest {
		return nil, fmt.Errorf("blob %s has the bytes of %s: %w", digest, got, ErrDigestMismatch)
	}
	return body, nil
}

func (s *Store) putBlobBytes(ctx context.Context, body []byte) (string, error) {
	digest := DigestOf(body)
	digits := digest[len(digestPrefix):]
	if s.holds(ctx, digits, int64(len(body))) {
		return digest, nil
	}
	return digest, s.putBlob(ctx, digits, int64(len(body)), bytes.NewReader(body))
}

// holds tells whether the blob is there, intact and young enough to be relied on. Writing a damaged one again repairs it, and
// writing an old one again makes it young, so that no sweep takes it before a document names it.
func (s *Store) holds(ctx context.Context, digits string, size int64) bool {
	stored, written, err := s.look(ctx, blobKey(digits))
	if err != nil || stored != size || time.Since(written) > Grace/2 {
		return false
	}
	return s.copyBlob(ctx, digits, size, io.Discard) == nil
}

func (s *Store) putBlob(ctx context.Context, digits string, size int64, from io.Reader) error {
	s.sweep.Do(func() { s.sweepStale(ctx) })
	return s.write(ctx, blobKey(digits), blobType, func(w io.Writer) error {
		sum := sha256.New()
		n, err := io.Copy(io.MultiWriter(w, sum), cancellable{ctx, io.LimitReader(from, size+1)})
		if err != nil {
			return err
		}
		return checkCopied(digits, size, n, sum)
	})
}

// copyBlob streams a blob into w and verifies size and digest; on an error w holds bytes that must be thrown away.
func (s *Store) copyBlob(ctx context.Context, digits string, size int64, w io.Writer) error {
	r, _, err := s.open(ctx, blobKey(digits))
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	sum := sha256.New()
	// One byte more than declared is enough to see that there are too many.
	n, err := io.Copy(io.MultiWriter(w, sum), cancellable{ctx, io.LimitReader(r, size+1)})
	if err != nil {
		return fmt.Errorf("copying blob %s: %w", digits, err)
	}
	return checkCopied(digits, size, n, sum)
}

func checkCopied(digits string, want, got int64, sum hash.Hash) error {
	if got != want {
		return fmt.Errorf("blob %s has another size than its %d bytes: %w", digits, want, ErrSizeMismatch)
	}
	if actual := hex.EncodeToString(sum.Sum(nil)); actual != digits {
		return fmt.Errorf("blob %s has the bytes of %s: %w", digits, actual, ErrDigestMismatch)
	}
	return nil
}

// openRegular opens a regular file without following a link and without hanging on a pipe.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, syscall.ELOOP) {
			return nil, fmt.Errorf("%s is a symbolic link: %w", path, ErrUnsafePath)
		}
		return nil, fmt.Errorf("opening file: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is a %s and no regular file: %w", path, info.Mode().Type(), ErrUnsafePath)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// cancellable ends a long copy when its context ends.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
