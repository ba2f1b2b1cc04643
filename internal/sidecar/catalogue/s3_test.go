package catalogue

import (
	"errors"
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
