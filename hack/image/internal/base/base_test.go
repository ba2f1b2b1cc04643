package base

import (
	"context"
	"errors"
	"io"
	"io/fs"
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
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/braincreators/tryon-operator/hack/image/internal/cache"
	"github.com/braincreators/tryon-operator/hack/image/internal/layer"
	"github.com/braincreators/tryon-operator/hack/image/internal/recipe"
)

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		p := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func exists(root, name string) bool {
	_, err := os.Lstat(filepath.Join(root, name))
	return err == nil
}

func TestStaticHasCertificatesZonesUsersAndAWritableTmp(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"usr/share/ca-certificates/mozilla/B.crt": "second\n\n",
		"usr/share/ca-certificates/mozilla/A.crt": "first",
		"usr/share/ca-certificates/README":        "not a certificate",
		"usr/share/zoneinfo/Europe/Amsterdam":     "TZif",
		"usr/share/zoneinfo/right/UTC":            "leap seconds",
	})
	entries, err := staticEntries(root)
	if err != nil {
		t.Fatal(err)
	}
	byPath := map[string]layer.Entry{}
	for _, e := range entries {
		byPath[e.Path] = e
	}
	if got := byPath[bundlePath].Content; got != "first\nsecond\n" {
		t.Errorf("certificates: %q", got)
	}
	if !strings.Contains(byPath["etc/passwd"].Content, "nonroot:x:65532:65532:") {
		t.Error("no user 65532 in /etc/passwd")
	}
	if byPath["tmp"].Mode != fs.ModeDir|fs.ModeSticky|0o777 {
		t.Errorf("/tmp has mode %v", byPath["tmp"].Mode)
	}
	if byPath["home/nonroot"].UID != UID {
		t.Errorf("the home folder belongs to %d", byPath["home/nonroot"].UID)
	}
	if _, ok := byPath["usr/share/zoneinfo/Europe/Amsterdam"]; !ok {
		t.Error("no time zones")
	}
	if _, ok := byPath["usr/share/zoneinfo/right/UTC"]; ok {
		t.Error("zones with leap seconds were kept")
	}
}

func TestStaticRefusesToBeWithoutCertificates(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"usr/share/ca-certificates/README": ""})
	if _, err := staticEntries(root); err == nil {
		t.Error("a base without certificates was made")
	}
}

func TestLinkMergedUsrOnlyAddsWhatIsMissing(t *testing.T) {
	merged, split := t.TempDir(), t.TempDir()
	write(t, merged, map[string]string{"usr/lib/x": "", "usr/lib64/ld.so": ""})
	write(t, split, map[string]string{"usr/lib/x": "", "lib/y": "", "lib64/ld.so": ""})
	if err := errors.Join(linkMergedUsr(merged), linkMergedUsr(split)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lib/x", "lib64/ld.so"} {
		if !exists(merged, name) {
			t.Errorf("merged: no /%s", name)
		}
	}
	if exists(split, "lib/x") || !exists(split, "lib/y") {
		t.Error("split: /lib was replaced")
	}
}

func TestStripTorchRemovesTestsAndCachesButNotWhatPyTorchImports(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"etc/passwd": "root:x:0:0::/:\n", "etc/group": "root:x:0:\n", "etc/resolv.conf": "nameserver", "etc/hostname": "builder",
		"usr/share/doc/torch/copyright": "", "var/cache/apt/archives/x.deb": "", "usr/lib/x86_64-linux-gnu/libLLVM-15.so.1": "",
		"usr/lib/python3/dist-packages/sympy/core/tests/test_x.py":     "",
		"usr/lib/python3/dist-packages/numpy/testing/tests/test_x.py":  "",
		"usr/lib/python3/dist-packages/torch/testing/__init__.py":      "",
		"usr/lib/python3/dist-packages/torch/include/ATen/ATen.h":      "",
		"usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0":   "",
		"usr/lib/python3/dist-packages/onnx/backend/test/case/base.py": "",
	})
	if err := stripTorch(root); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		"etc/resolv.conf": false, "etc/hostname": false, "usr/share/doc": false, "var/cache/apt": false, "var/cache": true,
		"usr/lib/x86_64-linux-gnu/libLLVM-15.so.1":                     false,
		"usr/lib/python3/dist-packages/sympy/core/tests":               false,
		"usr/lib/python3/dist-packages/torch/include":                  false,
		"usr/lib/python3/dist-packages/numpy/testing/tests":            true,
		"usr/lib/python3/dist-packages/torch/testing/__init__.py":      true,
		"usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0":   true,
		"usr/lib/python3/dist-packages/onnx/backend/test/case/base.py": true,
	}
	got := map[string]bool{}
	for name := range want {
		got[name] = exists(root, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text, err := os.ReadFile(filepath.Join(root, "etc/passwd")); err != nil || !strings.Contains(string(text), "nonroot:x:65532:") {
		t.Errorf("passwd: %q, %v", text, err)
	}
}

func resolver(t *testing.T, mode Mode) *Resolver {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &Resolver{Cache: c, Platform: recipe.Platform{OS: "linux", Arch: "amd64"}, Mode: mode}
}

func TestResolvePullsWhenAskedTo(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/base:1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	got, err := resolver(t, Pull).Resolve(context.Background(), ref.String())
	if err != nil {
		t.Fatal(err)
	}
	want, have := digest(t, image), digest(t, got.Image)
	if want != have || got.Complete {
		t.Errorf("got %s (complete %v), want %s", have, got.Complete, want)
	}
}

func TestResolveNamesABaseThatItCannotSubstitute(t *testing.T) {
	_, err := resolver(t, Substitute).Resolve(context.Background(), "docker.io/library/alpine:3")
	if err == nil || !strings.Contains(err.Error(), "alpine:3") {
		t.Errorf("want an error that names the image, got %v", err)
	}
}

func TestOnlyRootOnDebianGetsSubstitutesUnasked(t *testing.T) {
	for want, machines := range map[Mode][]struct {
		user  int
		tools bool
	}{Substitute: {{0, true}}, Pull: {{0, false}, {1000, true}, {1000, false}}} {
		for _, m := range machines {
			if got := choose(m.user, m.tools); got != want {
				t.Errorf("user %d, Debian's tools %t: %s, want %s", m.user, m.tools, got, want)
			}
		}
	}
}

func TestResolveKnowsScratch(t *testing.T) {
	got, err := resolver(t, Substitute).Resolve(context.Background(), "scratch")
	if err != nil {
		t.Fatal(err)
	}
	if layers, err := got.Image.Layers(); err != nil || len(layers) != 0 {
		t.Errorf("scratch has %d layers, %v", len(layers), err)
	}
}

func TestEveryFinalBaseOfTheProjectsRecipeHasASubstitute(t *testing.T) {
	r, err := recipe.Load("../../../../Dockerfile", recipe.Platform{OS: "linux", Arch: "amd64"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"manager", "worker", "sidecar", "runtime", "trainer"} {
		s, err := r.Stage(target)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, known := range substitutes {
			found = found || strings.HasPrefix(s.Root().Base, known.repository)
		}
		if !found {
			t.Errorf("%s starts from %s, which has no substitute", target, s.Root().Base)
		}
	}
}

func digest(t *testing.T, image v1.Image) string {
	t.Helper()
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}
