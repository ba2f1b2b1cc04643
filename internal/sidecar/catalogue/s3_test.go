package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/artefact/s3test"
	"github.com/braincreators/tryon-operator/internal/bucket"
)

// shop is an S3 server with one garment under the prefix "shop".
func shop(t *testing.T) s3test.Server {
	t.Helper()
	server := s3test.Start(t)
	dir := filepath.Join(server.Folder, "shop")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "a.png", "picture")
	return server
}

func openURI(t *testing.T, uri string) (*Catalogue, error) {
	t.Helper()
	c, err := Open(t.Context(), uri, Options{})
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

func TestABucketIsACatalogue(t *testing.T) {
	c, err := openURI(t, shop(t).URI("shop/"))
	if err != nil {
		t.Fatal(err)
	}
	if g, err := c.Get(t.Context(), "a"); err != nil || string(g.Picture) != "picture" || g.Mask != nil {
		t.Errorf("got %q, %v", g, err)
	}
	if _, err := c.Get(t.Context(), "b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a garment that is not there: %v", err)
	}
}

func TestMissingCredentialsNameTheFieldAndTheKeys(t *testing.T) {
	server := shop(t)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, test := range map[string]struct{ id, secret, want string }{
		"no Secret":   {"", "", "no Secret is named in spec.catalogue.secretRef"},
		"half of one": {"id", "", "one is empty in the Secret that spec.catalogue.secretRef names"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", test.id)
			t.Setenv("AWS_SECRET_ACCESS_KEY", test.secret)
			c, err := openURI(t, server.URI("shop"))
			if err == nil {
				_, err = c.Get(t.Context(), "a")
			}
			if !errors.Is(err, bucket.ErrCredentials) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "AWS_SECRET_ACCESS_KEY") {
				t.Errorf("got %v, want %q and the keys", err, test.want)
			}
		})
	}
}

func TestABucketThatCannotBeReadIsFoundOut(t *testing.T) {
	server := shop(t)
	other := server
	other.Bucket = "nowhere"
	for name, test := range map[string]struct {
		uri, key, want string
	}{
		"all is well":                  {server.URI("shop"), server.AccessKey, ""},
		"a prefix that does not exist": {server.URI("shopp"), server.AccessKey, "it holds no garment"},
		"a bucket that does not exist": {other.URI("shop"), server.AccessKey, "NoSuchBucket"},
		"a key that nobody knows":      {server.URI("shop"), "nobody", "No user exists"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", test.key)
			c, err := openURI(t, test.uri)
			if err != nil {
				t.Fatal(err)
			}
			first, again := fmt.Sprint(c.Check(t.Context())), fmt.Sprint(c.Check(t.Context()))
			if want := cmp.Or(test.want, "<nil>"); !strings.Contains(first, want) {
				t.Errorf("got %s, want %q", first, want)
			}
			if first != again {
				t.Errorf("the same trouble reads otherwise at the next look:\n%s\n%s", first, again)
			}
		})
	}
}

func TestCredentialsThatMayNotListCountAsGood(t *testing.T) {
	s3test.Start(t)
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked = true
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`))
	}))
	t.Cleanup(server.Close)
	c, err := openURI(t, s3test.Server{Endpoint: server.URL, Bucket: "garments"}.URI("shop"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); err != nil || !asked {
		t.Errorf("trouble: %v; the bucket was asked: %t", err, asked)
	}
}
