package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
)

// bucket is a source in an object store.
type bucket struct{ *blob.Bucket }

func openS3(ctx context.Context, u *url.URL) (*bucket, error) {
	if u.Host == "" {
		return nil, fmt.Errorf("source %q: want s3://bucket/prefix", u)
	}
	prefix := strings.Trim(u.Path, "/")
	bare := *u
	bare.Path = ""
	query := bare.Query()
	const checksums = "response_checksum_validation"
	if !query.Has(checksums) {
		// Every byte is verified against the manifest anyway; servers without checksums would only cause a warning per read.
		query.Set(checksums, "when_required")
	}
	bare.RawQuery = query.Encode()
	opener := s3blob.URLOpener{}
	b, err := opener.OpenBucketURL(ctx, &bare)
	if err != nil {
		return nil, fmt.Errorf("opening source bucket: %w", err)
	}
	if prefix != "" {
		if err := checkPath(prefix); err != nil {
			return nil, errors.Join(fmt.Errorf("source %q: %w", u, err), b.Close())
		}
		b = blob.PrefixedBucket(b, prefix+"/")
	}
	return &bucket{b}, nil
}

func (b *bucket) List(ctx context.Context) ([]Object, error) {
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

func (b *bucket) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	r, err := b.NewReader(ctx, path, nil)
	if err != nil {
		if gcerrors.Code(err) == gcerrors.NotFound {
			return nil, fmt.Errorf("%q: %w", path, ErrNotFound)
		}
		return nil, fmt.Errorf("opening %q: %w", path, err)
	}
	return r, nil
}
