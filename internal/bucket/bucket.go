package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// ErrCredentials says that the credentials of a bucket are incomplete or contradict its URI.
var ErrCredentials = errors.New("bucket's credentials cannot be used")

// ErrRegion says that nobody names the region of a bucket, and that it has none by itself.
var ErrRegion = errors.New("bucket's region is not known")

// elsewhere is the region of a bucket at an endpoint of its own, where nobody names one: requests are signed for a region, and most servers
// that are not AWS's take this one unless they were told another.
const elsewhere = "us-east-1"

// checksumParam is gocloud.dev's query parameter for what the S3 client verifies by itself.
const checksumParam = "response_checksum_validation"

// otherIdentities are the query parameters by which a URI names credentials, which then cannot come from a Secret too.
var otherIdentities = []string{"anonymous", "profile", "role"}

// Keys says whose a bucket's credentials are.
type Keys struct {
	// Env comes before AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION in the names of this bucket's own variables; empty
	// where a process has no other bucket.
	Env string
	// Field is where a user names the Secret that fills these variables, and URI where the bucket.
	Field, URI string
}

// Open opens the bucket of an s3://bucket/…?endpoint=… URI; its path is left to the caller. Without keys of its own in the
// environment the SDK's defaults hold; when these find nothing either, the first use of the bucket says which field to fill. Errors of
// what a user wrote wrap ErrCredentials or ErrRegion.
func Open(ctx context.Context, u *url.URL, keys Keys) (*blob.Bucket, error) {
	query := u.Query()
	own, err := credentialsOf(keys, query)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", u.Host, err)
	}
	// Every byte is verified against its digest anyway; servers without checksums would only cause a warning per read.
	setDefault(query, checksumParam, "when_required")
	setDefault(query, "region", os.Getenv(keys.Env+"AWS_REGION"))
	opener := s3blob.URLOpener{}
	b, err := opener.OpenBucketURL(ctx, &url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: query.Encode()})
	switch {
	// A role is asked for before there is a client; the opener has no error of its own for it.
	case err != nil && strings.Contains(err.Error(), "empty region"):
		return nil, keys.regionless(u)
	case err != nil:
		return nil, fmt.Errorf("opening bucket: %w", err)
	}
	var client *s3.Client
	if !b.As(&client) {
		return b, nil
	}
	options := client.Options()
	if options.Region == "" {
		if !query.Has("endpoint") && options.BaseEndpoint == nil {
			return nil, errors.Join(keys.regionless(u), b.Close())
		}
		options.Region = elsewhere
	}
	switch {
	case own != nil:
		options.Credentials = own
	// Without any the URI says anonymous.
	case options.Credentials != nil:
		options.Credentials = found{options.Credentials, keys.Field}
	}
	// The opener reads all other parameters of the URI and has no room for credentials: they go into a copy of its client.
	mine, err := s3blob.OpenBucket(ctx, s3.New(options), u.Host, &opener.Options)
	if err = errors.Join(err, b.Close()); err != nil {
		return nil, fmt.Errorf("opening bucket: %w", err)
	}
	return mine, nil
}

// regionless says that the bucket's region is missing, and where it can be named.
func (k Keys) regionless(u *url.URL) error {
	return fmt.Errorf("bucket %s: %w: name it in %s (?region=eu-central-1), or under the key AWS_REGION in the Secret that %s names; for a store "+
		"other than AWS name its ?endpoint=https://… in the URI", u.Host, ErrRegion, k.URI, k.Field)
}

// found are the credentials that the SDK finds by itself.
type found struct {
	aws.CredentialsProvider
	field string
}

// Retrieve explains why there are none: the SDK only names the last place where it looked, which the user has never heard of.
func (f found) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := f.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return c, fmt.Errorf("%w: no Secret is named in %s and the pod has no identity of its own: name one with the keys AWS_ACCESS_KEY_ID and "+
			"AWS_SECRET_ACCESS_KEY there, or give the pod's service account a role: %w", ErrCredentials, f.field, err)
	}
	return c, nil
}

// credentialsOf gives the bucket's own credentials, or nil when the environment has none.
func credentialsOf(keys Keys, query url.Values) (aws.CredentialsProvider, error) {
	id, secret := os.Getenv(keys.Env+"AWS_ACCESS_KEY_ID"), os.Getenv(keys.Env+"AWS_SECRET_ACCESS_KEY")
	if id == "" && secret == "" {
		return nil, nil
	}
	if id == "" || secret == "" {
		return nil, fmt.Errorf("%w: of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is empty in the Secret that %s names", ErrCredentials, keys.Field)
	}
	for _, parameter := range otherIdentities {
		if query.Has(parameter) {
			return nil, fmt.Errorf("%w: it has a Secret, and its URI says %q as well; remove one", ErrCredentials, parameter)
		}
	}
	return credentials.NewStaticCredentialsProvider(id, secret, ""), nil
}

func setDefault(query url.Values, parameter, value string) {
	if value != "" && !query.Has(parameter) {
		query.Set(parameter, value)
	}
}
