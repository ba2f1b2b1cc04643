package parts

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/progress"
)

func TestTheKeyChangesWithWhateverDecidesTheBuild(t *testing.T) {
	base := func(t *testing.T) string {
		folder := t.TempDir()
		write(t, filepath.Join(folder, "go.mod"), "module example.test\nrequire a v1\nrequire b v1 // indirect\n")
		write(t, filepath.Join(folder, "parts", "a", "main.go"), "package main")
		return folder
	}
	first, err := key(base(t), "go1")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change   func(t *testing.T, folder string)
		recipe   string
		wantSame bool
	}{
		"nothing":   {recipe: "go1", wantSame: true},
		"toolchain": {recipe: "go2"},
		"module versions": {recipe: "go1", change: func(t *testing.T, f string) {
			write(t, filepath.Join(f, "go.mod"), "module example.test\nrequire a v2\nrequire b v1\n")
		}},
		"a direct import": {recipe: "go1", wantSame: true, change: func(t *testing.T, f string) {
			write(t, filepath.Join(f, "go.mod"), "module example.test\nrequire b v1\nrequire a v1\n")
		}},
		"a source":         {recipe: "go1", change: func(t *testing.T, f string) { write(t, filepath.Join(f, "parts", "a", "main.go"), "package x") }},
		"one more source":  {recipe: "go1", change: func(t *testing.T, f string) { write(t, filepath.Join(f, "parts", "b.go"), "") }},
		"a test":           {recipe: "go1", wantSame: true, change: func(t *testing.T, f string) { write(t, filepath.Join(f, "parts", "b_test.go"), "") }},
		"the command line": {recipe: "go1", wantSame: true, change: func(t *testing.T, f string) { write(t, filepath.Join(f, "main.go"), "") }},
	} {
		t.Run(name, func(t *testing.T) {
			folder := base(t)
			if test.change != nil {
				test.change(t, folder)
			}
			got, err := key(folder, test.recipe)
			if err != nil {
				t.Fatal(err)
			}
			if (got == first) != test.wantSame {
				t.Errorf("key %s, before %s, want the same: %v", got, first, test.wantSame)
			}
		})
	}
}

func TestAFailedBuildLeavesNothingAndAFinishedOneIsKept(t *testing.T) {
	builder := &Builder{Cache: t.TempDir(), Print: &progress.Printer{Out: io.Discard}}
	folder := filepath.Join(builder.Cache, "program", "v1")
	broken := errors.New("broken")
	fails := func(folder string) error { write(t, filepath.Join(folder, "half"), ""); return broken }
	if _, err := builder.once(t.Context(), folder, fails); !errors.Is(err, broken) {
		t.Fatalf("error = %v, want %v", err, broken)
	}
	write(t, filepath.Join(builder.Cache, "program", ".building-killed", "half"), "")
	calls := 0
	for range 2 {
		got, err := builder.once(t.Context(), folder, func(folder string) error {
			calls++
			write(t, filepath.Join(folder, "program"), "")
			return nil
		})
		if err != nil || got != folder {
			t.Fatalf("got %s, %v", got, err)
		}
	}
	if calls != 1 {
		t.Errorf("built %d times, want once", calls)
	}
	var left []string
	entries, err := os.ReadDir(filepath.Dir(folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if diff := cmp.Diff([]string{".lock", "v1"}, left); diff != "" {
		t.Errorf("cache (-want +got):\n%s", diff)
	}
}

func TestOldBuildsGoButNotTheOneInUse(t *testing.T) {
	cache := t.TempDir()
	for age, name := range []string{"newest", "second", "third", "used", "oldest"} {
		write(t, filepath.Join(cache, name, "bin"), "")
		then := time.Unix(int64(1e9-age), 0)
		if err := os.Chtimes(filepath.Join(cache, name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	builder := &Builder{InUse: filepath.Join(cache, "used")}
	if err := builder.prune(cache); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "*"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(cache, "newest"), filepath.Join(cache, "second"), filepath.Join(cache, "used")}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
}

func TestABuildThatWaitsForAnotherCanBeInterrupted(t *testing.T) {
	builder := &Builder{Cache: t.TempDir(), Print: &progress.Printer{Out: io.Discard}}
	path := filepath.Join(builder.Cache, ".lock")
	unlock, err := builder.lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := builder.lock(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want %v", err, context.Canceled)
	}
}

func TestAssetsOfTheEnvironmentComeFirst(t *testing.T) {
	named, home := t.TempDir(), t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", named)
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", home)
	downloaded := filepath.Join(home, ".local", "share", "kubebuilder-envtest", "k8s", "1.37.2-linux-amd64")
	for _, folder := range []string{named, downloaded} {
		write(t, filepath.Join(folder, "etcd"), "")
		write(t, filepath.Join(folder, "kube-apiserver"), "")
	}
	if complete(named) {
		t.Error("files that cannot be executed were taken for programs")
	}
	for _, program := range []string{"etcd", "kube-apiserver"} {
		if err := os.Chmod(filepath.Join(named, program), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := (&Builder{}).Assets(t.Context())
	if err != nil || got != named {
		t.Errorf("got %s, %v, want %s", got, err, named)
	}
}

func TestVersionFlagsSetBothCopiesOfTheVersion(t *testing.T) {
	flags := versionFlags()
	for _, want := range []string{"-X k8s.io/component-base/version.gitVersion=" + KubernetesVersion, "-X k8s.io/client-go/pkg/version.gitMinor=37"} {
		if !strings.Contains(flags, want) {
			t.Errorf("no %q in %q", want, flags)
		}
	}
}

func TestTheVersionIsTheOneThatGoModRequires(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	module, err := FindModule(here)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(module, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), "k8s.io/kubernetes "+KubernetesVersion+"\n") {
		t.Errorf("go.mod does not require k8s.io/kubernetes %s", KubernetesVersion)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
