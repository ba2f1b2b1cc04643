package artefact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"path"
	"slices"
	"strings"
)

// MaxDocumentBytes bounds one document.
const MaxDocumentBytes = 64 << 20

// maxListed bounds the answer of ListDocuments.
const maxListed = 100_000

// digestPrefix is the algorithm's name before the 64 hex digits of a digest.
const digestPrefix = "sha256:"

// DigestOf gives the "sha256:<hex>" of body.
func DigestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return digestPrefix + hex.EncodeToString(sum[:])
}

// Hex gives the 64 digits of a "sha256:<hex>" digest, the form that document names use.
func Hex(digest string) (string, error) {
	digits, ok := strings.CutPrefix(digest, digestPrefix)
	if !ok || len(digits) != 2*sha256.Size || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", fmt.Errorf("digest %.80q is not sha256: and 64 lower-case hex digits", digest)
	}
	return digits, nil
}

// PutDocument makes a document visible under name ("stages/<hex>/stage.json") at once and whole, replacing an earlier
// one. Write it after everything it refers to.
func (s *Store) PutDocument(ctx context.Context, name string, body []byte) error {
	if err := checkDocumentName(name); err != nil {
		return err
	}
	if len(body) > MaxDocumentBytes {
		return fmt.Errorf("document %s has %d bytes: %w of %d", name, len(body), ErrTooLarge, MaxDocumentBytes)
	}
	contentType := mime.TypeByExtension(path.Ext(name))
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	return s.write(ctx, name, contentType, func(w io.Writer) error {
		_, err := w.Write(body)
		return err
	})
}

// ReadDocument reads a document of at most limit bytes. Errors: ErrNotFound, ErrTooLarge.
func (s *Store) ReadDocument(ctx context.Context, name string, limit int64) ([]byte, error) {
	if err := checkDocumentName(name); err != nil {
		return nil, err
	}
	return s.readAll(ctx, name, min(limit, MaxDocumentBytes))
}

// ReadHead reads the first bytes of a document, at most limit of them, and no others. Errors: ErrNotFound.
func (s *Store) ReadHead(ctx context.Context, name string, limit int64) ([]byte, error) {
	if err := checkDocumentName(name); err != nil {
		return nil, err
	}
	r, err := s.openHead(ctx, name, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	body, err := io.ReadAll(io.LimitReader(r, limit))
	if err != nil {
		return nil, fmt.Errorf("reading the head of %s: %w", name, err)
	}
	return body, nil
}

// DeleteDocument removes a document; a missing one is no error. The blobs it names stay.
func (s *Store) DeleteDocument(ctx context.Context, name string) error {
	if err := checkDocumentName(name); err != nil {
		return err
	}
	return s.delete(ctx, name)
}

// ListDocuments gives the sorted names of the documents below a folder ("stages/<hex>/checkpoints"), or of all for "".
func (s *Store) ListDocuments(ctx context.Context, folder string) ([]string, error) {
	folder = strings.TrimSuffix(folder, "/")
	if folder != "" {
		if err := checkDocumentName(folder); err != nil {
			return nil, err
		}
	}
	var names []string
	err := s.walk(ctx, folder, func(o object) error {
		if o.kind != document {
			return nil
		}
		if len(names) == maxListed {
			return fmt.Errorf("%w of %d documents", ErrTooLarge, maxListed)
		}
		names = append(names, o.key)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing %q: %w", folder, err)
	}
	slices.Sort(names)
	return names, nil
}

func (s *Store) readAll(ctx context.Context, key string, limit int64) ([]byte, error) {
	r, size, err := s.open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes: %w of %d", key, size, ErrTooLarge, limit)
	}
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%s: %w of %d bytes", key, ErrTooLarge, limit)
	}
	return body, nil
}
