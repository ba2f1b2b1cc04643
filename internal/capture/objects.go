package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/braincreators/tryon-operator/internal/bucket"
	"github.com/braincreators/tryon-operator/internal/task"
)

// objects is a folder in an object store, where nothing is seen of an object before it is whole. What a killed writer has left of a large one is
// no object: a lifecycle rule of the bucket that aborts incomplete uploads removes it.
type objects struct{ bucket *blob.Bucket }

func openObjects(ctx context.Context, u *url.URL) (*Folder, error) {
	prefix := strings.Trim(u.Path, "/")
	if u.Host == "" || prefix == "" {
		return nil, fmt.Errorf("%q: want s3://bucket/prefix", u)
	}
	b, err := bucket.Open(ctx, u, bucket.Keys{Env: task.EnvCapture, Field: "spec.capture.to.secretRef", URI: "spec.capture.to.uri"})
	if err != nil {
		return nil, err
	}
	b = blob.PrefixedBucket(b, prefix+"/")
	return &Folder{place: objects{b}, close: b.Close}, nil
}

func (o objects) list(ctx context.Context, _ time.Duration) ([]Entry, error) {
	var all []Entry
	for it := o.bucket.List(&blob.ListOptions{Delimiter: "/"}); len(all) < maxListed; {
		object, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if _, ours := parse(object.Key); ours && !object.IsDir {
			all = append(all, Entry{Name: object.Key, Bytes: object.Size})
		}
	}
	return all, nil
}

func (o objects) read(ctx context.Context, name string, limit int64) ([]byte, error) {
	r, err := o.bucket.NewReader(ctx, name, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return readAll(r, limit)
}

func (o objects) put(ctx context.Context, name string, body []byte) error {
	contentType := "application/zip"
	if strings.HasSuffix(name, string(KindPage)) {
		contentType = "text/html; charset=utf-8"
	}
	return o.bucket.Upload(ctx, name, bytes.NewReader(body), &blob.WriterOptions{ContentType: contentType, DisableContentTypeDetection: true})
}

func (o objects) remove(ctx context.Context, name string) error {
	if err := o.bucket.Delete(ctx, name); gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	return nil
}
