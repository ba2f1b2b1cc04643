package assemble

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
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
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/braincreators/tryon-operator/hack/image/internal/base"
	"github.com/braincreators/tryon-operator/hack/image/internal/buildctx"
	"github.com/braincreators/tryon-operator/hack/image/internal/cache"
	"github.com/braincreators/tryon-operator/hack/image/internal/recipe"
	"github.com/braincreators/tryon-operator/hack/image/internal/stage"
)

const dockerfile = `
FROM scratch AS source
WORKDIR /src
ENV GREETING=hello
COPY . .

FROM source AS build
ARG TARGETARCH
RUN mkdir out && echo "$GREETING $TARGETARCH" | tr a-z A-Z > out/tool && chmod 755 out/tool
RUN echo run >> runs

FROM scratch AS image
COPY --from=build /src/out/tool /bin/tool
COPY lib /opt/lib
ENV A=1
WORKDIR /opt
USER 65532:65532
EXPOSE 8080
LABEL title=tiny
ENTRYPOINT ["/bin/tool"]
CMD ["-v"]
`

type world struct {
	root  string
	cache *cache.Cache
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{root: t.TempDir()}
	var err error
	if w.cache, err = cache.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	w.write(t, "lib/a.py", "print(1)\n")
	return w
}

func (w *world) write(t *testing.T, name, content string) {
	t.Helper()
	p := filepath.Join(w.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// image builds a target of a Dockerfile with everything opened anew, as another process would.
func (w *world) image(t *testing.T, text, target string) (v1.Image, error) {
	t.Helper()
	platform := recipe.Platform{OS: "linux", Arch: "amd64"}
	r, err := recipe.Parse([]byte(text), platform, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Stage(target)
	if err != nil {
		t.Fatal(err)
	}
	files, err := buildctx.Open(w.root)
	if err != nil {
		t.Fatal(err)
	}
	a := &Assembler{
		Cache:    w.cache,
		Stages:   &stage.Runner{Cache: w.cache, Context: files, Output: io.Discard},
		Bases:    &base.Resolver{Cache: w.cache, Platform: platform, Mode: base.Substitute},
		Platform: platform,
	}
	return a.Image(context.Background(), s)
}

func (w *world) digest(t *testing.T) string {
	t.Helper()
	image, err := w.image(t, dockerfile, "image")
	if err != nil {
		t.Fatal(err)
	}
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func TestTheSameInputGivesTheSameDigestAndAnotherInputAnother(t *testing.T) {
	one, two := newWorld(t), newWorld(t)
	first := one.digest(t)
	if again := one.digest(t); again != first {
		t.Errorf("a second build gives %s instead of %s", again, first)
	}
	if elsewhere := two.digest(t); elsewhere != first {
		t.Errorf("another folder and cache give %s instead of %s", elsewhere, first)
	}
	one.write(t, "lib/a.py", "print(2)\n")
	changed := one.digest(t)
	if changed == first {
		t.Error("another file gives the same digest")
	}
	one.write(t, "lib/a.py", "print(1)\n")
	if back := one.digest(t); back != first {
		t.Errorf("the file as it was gives %s instead of %s", back, first)
	}
}

// pulled sends an image through a registry and back.
func pulled(t *testing.T, image v1.Image) v1.Image {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/tryon/tiny:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	back, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// archived writes an image as an archive and reads it back.
func archived(t *testing.T, image v1.Image) v1.Image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tiny.tar")
	tag, err := name.NewTag("localhost/tryon/tiny:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(file, tag, image); err != nil {
		t.Fatal(err)
	}
	back, err := tarball.ImageFromPath(file, &tag)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestAnImageComesBackWithItsConfigurationAndFiles(t *testing.T) {
	image, err := newWorld(t).image(t, dockerfile, "image")
	if err != nil {
		t.Fatal(err)
	}
	for way, back := range map[string]v1.Image{"a registry": pulled(t, image), "an archive": archived(t, image)} {
		if err := validate.Image(back); err != nil {
			t.Errorf("through %s: %v", way, err)
		}
		file, err := back.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		want := v1.Config{
			Env: []string{"A=1"}, WorkingDir: "/opt", User: "65532:65532", Labels: map[string]string{"title": "tiny"},
			ExposedPorts: map[string]struct{}{"8080/tcp": {}}, Entrypoint: []string{"/bin/tool"}, Cmd: []string{"-v"},
		}
		if diff := cmp.Diff(want, file.Config); diff != "" {
			t.Errorf("through %s (-want +got):\n%s", way, diff)
		}
		if file.OS != "linux" || file.Architecture != "amd64" {
			t.Errorf("through %s: platform %s/%s", way, file.OS, file.Architecture)
		}
		wantFiles := map[string]string{
			"bin": "755 ", "bin/tool": "755 HELLO AMD64\n",
			"opt": "755 ", "opt/lib": "755 ", "opt/lib/a.py": "644 print(1)\n",
		}
		if diff := cmp.Diff(wantFiles, files(t, back)); diff != "" {
			t.Errorf("through %s (-want +got):\n%s", way, diff)
		}
	}
}

// files lists an image's flattened file system as "mode content".
func files(t *testing.T, image v1.Image) map[string]string {
	t.Helper()
	in := mutate.Extract(image)
	defer in.Close()
	out := map[string]string{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if _, err := io.Copy(&text, r); err != nil {
			t.Fatal(err)
		}
		out[h.Name] = fmt.Sprintf("%o %s", h.Mode, text.String())
	}
}

func TestABuildThatFailsSaysWhichLineAndWhatItPrinted(t *testing.T) {
	_, err := newWorld(t).image(t, "FROM scratch AS build\nRUN echo no such package >&2; exit 3\n"+
		"FROM scratch AS image\nCOPY --from=build /x /x\n", "image")
	var failed *stage.RunError
	if !errors.As(err, &failed) {
		t.Fatalf("want a RunError, got %v", err)
	}
	if failed.Stage != "build" || !strings.Contains(failed.Output, "no such package") || !strings.Contains(failed.Err.Error(), "3") {
		t.Errorf("got %+v", failed)
	}
}

func TestACopyOfAFileThatIsNotThereNamesIt(t *testing.T) {
	for name, line := range map[string]string{"context": "COPY nothing /x", "stage": "COPY --from=build /nothing /x"} {
		_, err := newWorld(t).image(t, "FROM scratch AS build\nCOPY lib /lib\nFROM scratch AS image\n"+line+"\n", "image")
		var missing *buildctx.MissingError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), "nothing") {
			t.Errorf("%s: want a MissingError, got %v", name, err)
		}
	}
}

func TestAnImageThatRunsOnAnIncompleteBaseIsRefused(t *testing.T) {
	_, err := newWorld(t).image(t, "FROM scratch AS image\nRUN make\n", "image")
	if err == nil || !strings.Contains(err.Error(), "container engine") {
		t.Errorf("want an error about RUN, got %v", err)
	}
}

func TestABuildStageOnAnUnknownBaseIsRefused(t *testing.T) {
	_, err := newWorld(t).image(t, "FROM rust:1 AS build\nRUN cargo build\nFROM scratch AS image\nCOPY --from=build /x /x\n", "image")
	if err == nil || !strings.Contains(err.Error(), "rust:1") {
		t.Errorf("want an error that names the base, got %v", err)
	}
}
