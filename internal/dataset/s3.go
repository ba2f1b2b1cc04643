package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/braincreators/tryon-operator/internal/bucket"
	"github.com/braincreators/tryon-operator/internal/task"
)

// objects is a source in an object store.
type objects struct{ *blob.Bucket }

func openS3(ctx context.Context, u *url.URL) (*objects, error) {
	if u.Host == "" {
		return nil, fmt.Errorf("source %q: want s3://bucket/prefix", u)
	}
	prefix := strings.Trim(u.Path, "/")
	b, err := bucket.Open(ctx, u, bucket.Keys{Env: task.EnvSource, Field: "dataset.source.secretRef", URI: "dataset.source.uri"})
	if err != nil {
		return nil, fmt.Errorf("opening source bucket: %w", err)
	}
	if prefix != "" {
		if err := checkPath(prefix); err != nil {
			return nil, errors.Join(fmt.Errorf("source %q: %w", u, err), b.Close())
		}
		b = blob.PrefixedBucket(b, prefix+"/")
	}
	return &objects{b}, nil
}

func (b *objects) List(ctx context.Context) ([]Object, error) {
	var out []Object
	for it := b.Bucket.List(nil); ; {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing source bucket: %w", err)
		}
		// An empty object whose name ends in a slash is how consoles make folders.
		if ignored(o.Key) || (strings.HasSuffix(o.Key, "/") && o.Size == 0) {
			continue
		}
		if len(out) == MaxFiles {
			return nil, fmt.Errorf("more than %d files: %w", MaxFiles, ErrTooLarge)
		}
		// An ETag of a multipart upload is no MD5, but it changes with the content all the same.
		stamp := fmt.Sprintf("e%xm%d", o.MD5, o.ModTime.UnixNano())
		out = append(out, Object{Path: o.Key, Size: o.Size, Stamp: stamp})
	}
}

func (b *objects) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	r, err := b.NewReader(ctx, path, nil)
	if err != nil {
		if gcerrors.Code(err) == gcerrors.NotFound {
			return nil, fmt.Errorf("%q: %w", path, ErrNotFound)
		}
		return nil, fmt.Errorf("opening %q: %w", path, err)
	}
	return r, nil
}
