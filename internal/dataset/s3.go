package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
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
	began := time.Now()
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
		out = append(out, Object{Path: o.Key, Size: o.Size, Stamp: tag(o, began)})
	}
}

// settled is the age from which the time of an object is taken for its last one: servers tell whole seconds, by their own clocks.
const settled = time.Minute

// tag is an object's stamp. The ETag changes with the content, also where it is no MD5, as after a multipart upload. Without one
// the time is all there is, and an object that was just written may be written again within the same second.
func tag(o *blob.ListObject, now time.Time) string {
	var raw types.Object
	etag := ""
	if o.As(&raw) {
		etag = strings.Trim(aws.ToString(raw.ETag), `"`)
	}
	if etag == "" && now.Sub(o.ModTime) < settled {
		return ""
	}
	return fmt.Sprintf("e%sm%d", etag, o.ModTime.UnixNano())
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
