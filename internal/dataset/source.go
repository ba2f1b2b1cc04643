package dataset

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"gocloud.dev/blob/s3blob"
)

// Object is one file in a source.
type Object struct {
	// Path is slash-separated and relative to the source's root.
	Path string
	Size int64
	// Stamp changes whenever the content does, as far as the source can tell without reading: an ETag, or time and inode. It is empty
	// when the source cannot tell.
	Stamp string
}

// Source is where a dataset lies.
type Source interface {
	// List gives every regular file below the root, in any order.
	List(ctx context.Context) ([]Object, error)
	// Open reads one file. Errors wrap ErrNotFound or ErrIrregular where they apply.
	Open(ctx context.Context, path string) (io.ReadCloser, error)
	Close() error
}

// MaxFiles bounds the files of one dataset.
const MaxFiles = 2_000_000

// OpenSource opens file:///folder or s3://bucket/prefix?endpoint=…; its credentials come from the environment (see package
// bucket, task.EnvSource), never from the URI.
func OpenSource(ctx context.Context, uri string) (Source, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("parsing source URI: %w", err)
	}
	if u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("source %s: credentials and fragments do not belong into the URI", u.Redacted())
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || u.RawQuery != "" || !strings.HasPrefix(u.Path, "/") {
			return nil, fmt.Errorf("source %q: want file:///absolute/folder and nothing else", uri)
		}
		return openFolder(u.Path)
	case s3blob.Scheme:
		return openS3(ctx, u)
	}
	return nil, fmt.Errorf("source %q: scheme %q is not file or s3", uri, u.Scheme)
}
