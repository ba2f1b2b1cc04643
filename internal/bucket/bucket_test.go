package bucket_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/braincreators/tryon-operator/internal/artefact/s3test"
	"github.com/braincreators/tryon-operator/internal/bucket"
	"github.com/braincreators/tryon-operator/internal/task"
)

// give puts credentials into the environment under a prefix.
func give(t *testing.T, env, id, secret string) {
	t.Helper()
	t.Setenv(env+"AWS_ACCESS_KEY_ID", id)
	t.Setenv(env+"AWS_SECRET_ACCESS_KEY", secret)
}

func open(t *testing.T, uri, env string) (*blob.Bucket, error) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bucket.Open(t.Context(), u, bucket.Keys{Env: env, Field: "spec.secret", URI: "spec.uri"})
	if err == nil {
		t.Cleanup(func() { _ = b.Close() })
	}
	return b, err
}

// writes tells whether a bucket takes an object with the credentials that it was opened with.
func writes(t *testing.T, uri, env string) bool {
	t.Helper()
	b, err := open(t, uri, env)
	if err != nil {
		t.Fatal(err)
	}
	return b.WriteAll(t.Context(), "object", []byte("x"), nil) == nil
}

func TestTwoBucketsHaveTheirOwnCredentials(t *testing.T) {
	store, source := s3test.Start(t), s3test.Start(t)
	none := func(t *testing.T, env string) { give(t, env, "", "") }
	tests := map[string]struct {
		store, source, pod func(t *testing.T, env string)
	}{
		"each has a Secret": {
			store:  func(t *testing.T, env string) { give(t, env, store.AccessKey, store.SecretKey) },
			source: func(t *testing.T, env string) { give(t, env, source.AccessKey, source.SecretKey) },
			pod:    func(t *testing.T, env string) { give(t, env, "nobody", "nothing") },
		},
		"the store has the pod's identity, the source a Secret": {
			store:  none,
			source: func(t *testing.T, env string) { give(t, env, source.AccessKey, source.SecretKey) },
			pod:    func(t *testing.T, env string) { give(t, env, store.AccessKey, store.SecretKey) },
		},
		"the store has a Secret, the source the pod's identity": {
			store:  func(t *testing.T, env string) { give(t, env, store.AccessKey, store.SecretKey) },
			source: none,
			pod:    func(t *testing.T, env string) { give(t, env, source.AccessKey, source.SecretKey) },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.store(t, task.EnvStore)
			test.source(t, task.EnvSource)
			test.pod(t, "")
			if !writes(t, store.URI(""), task.EnvStore) {
				t.Error("the store refuses the store's credentials")
			}
			if !writes(t, source.URI(""), task.EnvSource) {
				t.Error("the source refuses the source's credentials")
			}
			if writes(t, store.URI(""), task.EnvSource) || writes(t, source.URI(""), task.EnvStore) {
				t.Error("a bucket was opened with the other's credentials")
			}
		})
	}
}

func TestTheRegionOfASecretHoldsUnlessTheURINamesOne(t *testing.T) {
	server := s3test.Start(t)
	give(t, task.EnvStore, server.AccessKey, server.SecretKey)
	u, err := url.Parse(server.URI(""))
	if err != nil {
		t.Fatal(err)
	}
	named := u.String()
	query := u.Query()
	region := query.Get("region")
	query.Del("region")
	u.RawQuery = query.Encode()
	t.Setenv(task.EnvStore+"AWS_REGION", region)
	t.Setenv("AWS_REGION", "nowhere-1")
	if !writes(t, u.String(), task.EnvStore) {
		t.Error("the Secret's region was not used")
	}
	t.Setenv(task.EnvStore+"AWS_REGION", "nowhere-1")
	if writes(t, u.String(), task.EnvStore) {
		t.Error("the server takes any region: this test is blind")
	}
	if !writes(t, named, task.EnvStore) {
		t.Error("the URI's region was not used")
	}
}

func TestCredentialsThatContradictThemselvesAreRefused(t *testing.T) {
	tests := map[string]struct{ uri, id, secret string }{
		"no id":              {"s3://b?region=x", "", "secret"},
		"no secret":          {"s3://b?region=x", "id", ""},
		"a role beside it":   {"s3://b?region=x&role=arn:aws:iam::1:role/r", "id", "secret"},
		"nobody beside it":   {"s3://b?region=x&anonymous=true", "id", "secret"},
		"a profile as well":  {"s3://b?region=x&profile=p", "id", "secret"},
		"an empty parameter": {"s3://b?region=x&role=", "id", "secret"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			give(t, task.EnvStore, test.id, test.secret)
			if _, err := open(t, test.uri, task.EnvStore); !errors.Is(err, bucket.ErrCredentials) {
				t.Errorf("got %v, want ErrCredentials", err)
			}
		})
	}
}

func TestABucketWithoutAnyCredentialsSaysWhichFieldIsEmpty(t *testing.T) {
	server := s3test.Start(t)
	give(t, task.EnvSource, "", "")
	give(t, "", "", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	b, err := open(t, server.URI(""), task.EnvSource)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = b.ReadAll(t.Context(), "object"); !errors.Is(err, bucket.ErrCredentials) || !strings.Contains(err.Error(), "no Secret is named in spec.secret") ||
		!strings.Contains(err.Error(), "name one with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY there") {
		t.Errorf("got %v", err)
	}
	anonymous, err := open(t, server.URI("")+"&anonymous=true", task.EnvSource)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = anonymous.ReadAll(t.Context(), "object"); err == nil || errors.Is(err, bucket.ErrCredentials) {
		t.Errorf("as nobody: %v, want the server's refusal", err)
	}
}

// nowhere leaves nobody who knows a region.
func nowhere(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", task.EnvStore + "AWS_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
}

func TestABucketWhoseRegionNobodyNamesSaysWhereToNameIt(t *testing.T) {
	nowhere(t)
	for name, query := range map[string]string{"": "", "as nobody": "?anonymous=true", "in a role": "?role=arn:aws:iam::1:role/r"} {
		t.Run(name, func(t *testing.T) {
			give(t, task.EnvStore, "", "")
			_, err := open(t, "s3://b"+query, task.EnvStore)
			if !errors.Is(err, bucket.ErrRegion) || errors.Is(err, bucket.ErrCredentials) {
				t.Fatalf("got %v, want ErrRegion", err)
			}
			for _, want := range []string{"bucket b: ", "name it in spec.uri (?region=", "AWS_REGION in the Secret that spec.secret names", "?endpoint="} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
	t.Setenv(task.EnvStore+"AWS_REGION", "eu-central-1")
	if _, err := open(t, "s3://b", task.EnvStore); err != nil {
		t.Errorf("with the Secret's region: %v", err)
	}
}

func TestABucketAtAnEndpointOfItsOwnNeedsNoRegion(t *testing.T) {
	server := s3test.Start(t)
	nowhere(t)
	give(t, task.EnvStore, server.AccessKey, server.SecretKey)
	u, err := url.Parse(server.URI(""))
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Del("region")
	u.RawQuery = query.Encode()
	if !writes(t, u.String(), task.EnvStore) {
		t.Error("it cannot be written to")
	}
	give(t, task.EnvStore, "", "")
	b, err := open(t, u.String()+"&anonymous=true", task.EnvStore)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.WriteAll(t.Context(), "object", []byte("x"), nil); gcerrors.Code(err) != gcerrors.PermissionDenied {
		t.Errorf("as nobody: %v, want the server's refusal", err)
	}
	if !writes(t, u.String(), task.EnvStore) {
		t.Error("it cannot be written to as the pod")
	}
	// Where the pod has another one, that holds.
	t.Setenv("AWS_REGION", "nowhere-1")
	if writes(t, u.String(), task.EnvStore) {
		t.Error("the pod's own region was not used")
	}
}

func TestAnUnknownParameterIsRefused(t *testing.T) {
	give(t, task.EnvStore, "", "")
	if _, err := open(t, "s3://b?region=x&frobnicate=1", task.EnvStore); err == nil {
		t.Error("it was taken")
	}
}
