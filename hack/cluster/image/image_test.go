package image

import (
	"archive/tar"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestAPushedImageHoldsItsFilesAndConfig(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!"), 0o755); err != nil {
		t.Fatal(err)
	}
	spec := Spec{Files: map[string]string{"/opt/bin/run": program}, User: "65532:65532", Entrypoint: []string{"/opt/bin/run"}, Env: []string{"A=b"}}
	reference := strings.TrimPrefix(server.URL, "http://") + "/tests/program:v1"
	digest, err := Push(t.Context(), reference, spec)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Push(t.Context(), reference, spec)
	if err != nil {
		t.Fatal(err)
	}
	if digest != again {
		t.Errorf("the same files gave %s and %s", digest, again)
	}
	parsed, err := name.ParseReference(digest)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(parsed)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	got := []string{config.OS, config.Config.User, config.Config.Entrypoint[0], config.Config.Env[0]}
	if diff := cmp.Diff([]string{"linux", "65532:65532", "/opt/bin/run", "A=b"}, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	want := map[string]int64{"opt": 0o755, "opt/bin": 0o755, "opt/bin/run": 0o755}
	if diff := cmp.Diff(want, modes(t, mutate.Extract(image))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestAMissingFileIsAnError(t *testing.T) {
	if _, err := Push(t.Context(), "127.0.0.1:1/a:b", Spec{Files: map[string]string{"a": "/does/not/exist"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v, want os.ErrNotExist", err)
	}
}

func modes(t *testing.T, archive io.ReadCloser) map[string]int64 {
	t.Helper()
	defer archive.Close()
	found := map[string]int64{}
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = header.Mode
	}
}
