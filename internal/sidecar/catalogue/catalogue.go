package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"
	"golang.org/x/sync/singleflight"

	"github.com/braincreators/tryon-operator/internal/bucket"
	"github.com/braincreators/tryon-operator/internal/folder"
)

// Errors of reading a garment.
var (
	// ErrNotFound says that there is no garment of that id.
	ErrNotFound = errors.New("no such garment")
	// ErrBadID says that no garment can have that id.
	ErrBadID = errors.New("not a garment id")
	// ErrTooLarge says that a garment's file is over its limit.
	ErrTooLarge = errors.New("garment file is over its limit")
)

// Garment is one garment's files, still encoded.
type Garment struct {
	// Picture is a PNG or JPEG file.
	Picture []byte
	// Mask is a PNG file, 255 where the garment is; nil when the catalogue has none.
	Mask []byte
}

// Options bound a catalogue. The zero value of a field means its default.
type Options struct {
	// FileBytes bounds one file; default 10 MiB.
	FileBytes int64
	// CacheBytes bounds the files kept in memory; default 64 MiB.
	CacheBytes int64
	// CacheAge bounds how old a kept file may be; default 5 minutes.
	CacheAge time.Duration
}

// Catalogue reads garments: <id>.png or <id>.jpg, and <id>.mask.png beside it. It is safe for concurrent use.
type Catalogue struct {
	shelf   shelf
	options Options
	cache   *cache
	flight  singleflight.Group
	trouble atomic.Pointer[string]
}

// Open opens file:///folder or s3://bucket/prefix?endpoint=…, whose credentials come from the AWS_* environment.
func Open(ctx context.Context, uri string, o Options) (*Catalogue, error) {
	shelf, err := openShelf(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("opening catalogue: %w", err)
	}
	if o.FileBytes <= 0 {
		o.FileBytes = 10 << 20
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 64 << 20
	}
	if o.CacheAge <= 0 {
		o.CacheAge = 5 * time.Minute
	}
	return &Catalogue{shelf: shelf, options: o, cache: newCache(o.CacheBytes, o.CacheAge)}, nil
}

func openShelf(ctx context.Context, uri string) (shelf, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	if u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("%s: credentials and fragments do not belong into the URI", u.Redacted())
	}
	switch u.Scheme {
	case fileblob.Scheme:
		return openDisk(u)
	case s3blob.Scheme:
		return openObjects(ctx, u)
	default:
		return nil, fmt.Errorf("%q: the scheme must be file or s3", uri)
	}
}

func openDisk(u *url.URL) (shelf, error) {
	at, err := folder.At(u)
	if err != nil {
		return nil, err
	}
	f, err := folder.Open(at)
	if err != nil {
		return nil, err
	}
	return disk{f}, nil
}

func openObjects(ctx context.Context, u *url.URL) (shelf, error) {
	// The catalogue is the sidecar's only bucket, so its credentials have the usual names.
	b, err := bucket.Open(ctx, u, bucket.Keys{Field: "spec.catalogue.secretRef", URI: "spec.catalogue.uri"})
	if err != nil {
		return nil, err
	}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		b = blob.PrefixedBucket(b, prefix+"/")
	}
	return objects{b}, nil
}

// Close releases the folder or the bucket.
func (c *Catalogue) Close() error { return c.shelf.Close() }

// extensions of a garment's picture.
var extensions = []string{".png", ".jpg"}

var garmentID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)

// Get gives a garment. Errors wrap ErrBadID, ErrNotFound or ErrTooLarge; any other means that the catalogue cannot be read now.
// The bytes are shared: they must not be changed.
func (c *Catalogue) Get(ctx context.Context, id string) (Garment, error) {
	if !garmentID.MatchString(id) {
		return Garment{}, fmt.Errorf("%w: %.40q, want letters, digits, - and _", ErrBadID, id)
	}
	if g, ok := c.cache.get(id, time.Now()); ok {
		return g, nil
	}
	// A crowd that asks for the same garment reads it once. The read outlives a caller that leaves, within its own bound.
	result := c.flight.DoChan(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		g, err := c.read(ctx, id)
		if err == nil {
			c.cache.put(id, g, time.Now())
		}
		return g, err
	})
	select {
	case r := <-result:
		g, _ := r.Val.(Garment)
		return g, r.Err
	case <-ctx.Done():
		return Garment{}, ctx.Err()
	}
}

func (c *Catalogue) read(ctx context.Context, id string) (Garment, error) {
	var g Garment
	var err error
	for _, ext := range extensions {
		g.Picture, err = c.file(ctx, id+ext)
		if !errors.Is(err, ErrNotFound) {
			break
		}
	}
	if err != nil {
		return Garment{}, fmt.Errorf("reading garment %s: %w", id, err)
	}
	g.Mask, err = c.file(ctx, id+".mask.png")
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Garment{}, fmt.Errorf("reading mask of garment %s: %w", id, err)
	}
	return g, nil
}

func (c *Catalogue) file(ctx context.Context, name string) ([]byte, error) {
	r, size, err := c.shelf.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	if size > c.options.FileBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes, %d are allowed", ErrTooLarge, name, size, c.options.FileBytes)
	}
	// It may have grown since.
	body, err := io.ReadAll(io.LimitReader(r, c.options.FileBytes+1))
	if err == nil && int64(len(body)) > c.options.FileBytes {
		err = fmt.Errorf("%w: %s has more than the %d bytes that are allowed", ErrTooLarge, name, c.options.FileBytes)
	}
	return body, err
}
