package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

const tiny = `
ARG GREETING=hello
FROM scratch AS build
ARG GREETING
RUN echo "$GREETING" > tool
FROM scratch AS worker
COPY --from=build /tool /tool
ENTRYPOINT ["/tool"]
FROM scratch AS sidecar
COPY --from=build /tool /other
ENTRYPOINT ["/other"]
`

// project makes a folder with a Dockerfile of two of our images.
func project(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "Dockerfile"), []byte(tiny), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

// counting is a registry that remembers the methods it was asked with.
type counting struct {
	mu      sync.Mutex
	handler http.Handler
	methods map[string]int
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.methods[r.Method]++
	c.mu.Unlock()
	c.handler.ServeHTTP(w, r)
}

func startRegistry(t *testing.T) (host string, c *counting) {
	t.Helper()
	c = &counting{handler: registry.New(registry.Logger(log.New(io.Discard, "", 0))), methods: map[string]int{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), c
}

func run(t *testing.T, args ...string) error {
	t.Helper()
	cmd := command()
	cmd.SetArgs(args)
	return cmd.ExecuteContext(t.Context())
}

func readDigests(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]string
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPushSendsImagesOnceAndWritesTheirDigests(t *testing.T) {
	root, cacheDir := project(t), t.TempDir()
	host, seen := startRegistry(t)
	args := []string{"push", "--context", root, "--cache", cacheDir, "--registry", host + "/tryon", "--only", "sidecar,worker", "--digests", "out/images.json"}
	if err := run(t, args...); err != nil {
		t.Fatal(err)
	}
	first := readDigests(t, filepath.Join(root, "out/images.json"))
	for _, target := range []string{"worker", "sidecar"} {
		ref, err := name.NewDigest(first[target])
		if err != nil {
			t.Fatal(err)
		}
		if want := "tryon/" + target; ref.RepositoryStr() != want {
			t.Errorf("repository %s, want %s", ref.RepositoryStr(), want)
		}
		image, err := remote.Image(ref)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(image); err != nil {
			t.Error(err)
		}
	}
	puts := seen.methods[http.MethodPut] + seen.methods[http.MethodPost]
	if err := run(t, args...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, readDigests(t, filepath.Join(root, "out/images.json"))); diff != "" {
		t.Errorf("a second push (-first +second):\n%s", diff)
	}
	if again := seen.methods[http.MethodPut] + seen.methods[http.MethodPost]; again != puts {
		t.Errorf("a second push sent %d requests that write", again-puts)
	}
	if err := run(t, append(args, "--build-arg", "GREETING=bye")...); err != nil {
		t.Fatal(err)
	}
	if second := readDigests(t, filepath.Join(root, "out/images.json")); second["worker"] == first["worker"] {
		t.Error("another build argument gives the same image")
	}
}

func TestArchiveWritesWhatAContainerEngineLoads(t *testing.T) {
	root := project(t)
	if err := run(t, "archive", "--context", root, "--cache", t.TempDir(), "--dir", "out", "--only", "worker", "--digests", "out/images.json"); err != nil {
		t.Fatal(err)
	}
	reference := readDigests(t, filepath.Join(root, "out/images.json"))["worker"]
	tag, err := name.NewTag(reference)
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(filepath.Join(root, "out/worker.tar"), &tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/tool"}, config.Config.Entrypoint); diff != "" {
		t.Errorf("entry point (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(reference, "localhost/tryon/worker:") || len(tag.TagStr()) != 12 {
		t.Errorf("reference %s", reference)
	}
}

func TestMistakesAreNamedBeforeAnythingIsBuilt(t *testing.T) {
	root := project(t)
	tests := map[string]struct {
		args []string
		want string
	}{
		"an unknown image":          {[]string{"--only", "web"}, "web"},
		"an unknown way to bases":   {[]string{"--bases", "guess"}, "guess"},
		"an unknown build argument": {[]string{"--build-arg", "NOPE=1"}, "NOPE"},
		"a registry that is none":   {[]string{"--only", "worker", "--registry", "UPPER CASE"}, "--registry"},
		"an image without a stage":  {[]string{"--only", "manager"}, "manager"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"push", "--context", root, "--cache", t.TempDir(), "--registry", "127.0.0.1:1/x"}, tt.args...)
			err := run(t, args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("want an error about %q, got %v", tt.want, err)
			}
		})
	}
}

func TestTheRepositoryIsFoundUpwards(t *testing.T) {
	root := project(t)
	deep := filepath.Join(root, "hack/image")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	got, err := findRoot("")
	if err != nil {
		t.Fatal(err)
	}
	// The temporary folder may be reached through a symbolic link.
	want, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	if got, err = filepath.EvalSymlinks(got); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
