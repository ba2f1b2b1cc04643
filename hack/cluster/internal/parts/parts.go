package parts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/progress"
)

// KubernetesVersion is what kubectl version reports; it is the version that go.mod requires.
const KubernetesVersion = "v1.37.2"

// Builder builds into a cache.
type Builder struct {
	Module string // folder of this Go module
	Cache  string // folder of the cache
	InUse  string // folder of a build that a running cluster needs, if any
	Print  *progress.Printer
}

// target is one go build: the packages share one set of linker flags.
type target struct {
	output   string // file, or folder when it ends with a slash; relative to the build
	ldflags  string
	packages []string
}

const cni = "github.com/containernetworking/plugins/plugins/"

// targets in the order of building: the largest first, it compiles what the others share.
func targets() []target {
	return []target{
		{output: "bin/node", ldflags: "-s -w " + versionFlags(), packages: []string{"./parts/node"}},
		{output: "bin/", ldflags: "-s -w", packages: []string{
			"./parts/registry", "./parts/dns", "./parts/storage", "./parts/pause", "./parts/lookup",
			"github.com/containerd/containerd/v2/cmd/containerd",
			"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
			"github.com/containerd/containerd/v2/cmd/ctr",
		}},
		{output: "cni/", ldflags: "-s -w", packages: []string{cni + "main/ptp", cni + "main/loopback", cni + "ipam/host-local", cni + "meta/portmap"}},
	}
}

// aliases are the names by which the node binary acts as one program.
var aliases = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"}

func versionFlags() string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(KubernetesVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	var flags []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for name, value := range map[string]string{"gitVersion": KubernetesVersion, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"} {
			flags = append(flags, "-X "+pkg+"."+name+"="+value)
		}
	}
	slices.Sort(flags)
	return strings.Join(flags, " ")
}

// Build returns the folder of the built programs, building them first when the cache has none of this key.
// It holds bin/ with all programs and cni/ with the network plugins.
func (b *Builder) Build(ctx context.Context) (string, error) {
	key, err := b.key(ctx)
	if err != nil {
		return "", err
	}
	return b.once(ctx, filepath.Join(b.Cache, "cluster", key), func(folder string) error {
		b.Print.Say("Building Kubernetes %s and its parts from source; this happens once. Cold, it takes about 15 minutes on 2 cores.", KubernetesVersion)
		for _, target := range targets() {
			if err := b.compile(ctx, folder, target); err != nil {
				return err
			}
		}
		for _, alias := range aliases {
			if err := os.Symlink("node", filepath.Join(folder, "bin", alias)); err != nil {
				return fmt.Errorf("naming program: %w", err)
			}
		}
		return b.prune(filepath.Join(b.Cache, "cluster"))
	})
}

// Built returns the folder of Build when it is in the cache, else fs.ErrNotExist.
func (b *Builder) Built(ctx context.Context) (string, error) {
	key, err := b.key(ctx)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(b.Cache, "cluster", key)
	if _, err := os.Stat(folder); err != nil {
		return "", fmt.Errorf("looking for built programs: %w", err)
	}
	return folder, nil
}

// Install returns the path of one program that another module publishes, installing it into the cache first.
func (b *Builder) Install(ctx context.Context, program, pkg, version string, usual time.Duration) (string, error) {
	folder, err := b.once(ctx, filepath.Join(b.Cache, program, version), func(folder string) error {
		return b.Print.Do("compiling "+program+" "+version, usual, func(*progress.Step) error {
			command := b.command(ctx, "install", "-trimpath", "-ldflags", "-s -w", pkg+"@"+version)
			command.Dir = folder // outside of any module: its own go.mod decides
			command.Env = append(command.Env, "GOBIN="+folder, "GOWORK=off")
			return runQuietly(command)
		})
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, filepath.Base(pkg)), nil
}

func (b *Builder) key(ctx context.Context) (string, error) {
	version, err := b.command(ctx, "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("asking for Go's version: %w", err)
	}
	recipe := []string{strings.TrimSpace(string(version)), runtime.GOOS, runtime.GOARCH}
	for _, target := range targets() {
		recipe = append(recipe, fmt.Sprintf("%+v", target))
	}
	return key(b.Module, recipe...)
}

// once fills a folder of the cache under a lock of its parent, so that two builds at a time do the work once.
func (b *Builder) once(ctx context.Context, folder string, fill func(folder string) error) (string, error) {
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return "", fmt.Errorf("making cache: %w", err)
	}
	unlock, err := b.lock(ctx, filepath.Join(filepath.Dir(folder), ".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	temporary, err := os.MkdirTemp(filepath.Dir(folder), ".building-")
	if err != nil {
		return "", fmt.Errorf("making cache: %w", err)
	}
	defer os.RemoveAll(temporary)
	if err := os.Chmod(temporary, 0o755); err != nil {
		return "", fmt.Errorf("making cache: %w", err)
	}
	if err := fill(temporary); err != nil {
		return "", err
	}
	if err := os.Rename(temporary, folder); err != nil {
		return "", fmt.Errorf("finishing build: %w", err)
	}
	return folder, nil
}

// lock takes the lock of a cache folder; the kernel releases it when its holder dies. What dead builds left is removed.
func (b *Builder) lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking cache: %w", err)
	}
	for said := false; ; said = true {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		if !said {
			b.Print.Say("Another build is running; waiting for it.")
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("locking cache: %w", err)
	}
	leftovers, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".building-*"))
	for _, leftover := range leftovers {
		err = errors.Join(err, os.RemoveAll(leftover))
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("cleaning cache: %w", err)
	}
	return func() { _ = file.Close() }, nil
}

// command prepares a go command that neither the caller's flags nor a C compiler influence.
func (b *Builder) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = b.Module
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	return command
}

// ModuleFolder returns the folder of a published module's source, downloading it when needed.
func (b *Builder) ModuleFolder(ctx context.Context, module, version string) (string, error) {
	command := b.command(ctx, "mod", "download", "-json", module+"@"+version)
	command.Dir = os.TempDir()
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("downloading %s: %w", module, err)
	}
	return moduleFolder(out)
}

// DefaultCache is where builds are kept: $TRYON_CACHE, else the user's cache folder.
func DefaultCache() (string, error) {
	if cache := os.Getenv("TRYON_CACHE"); cache != "" {
		return filepath.Abs(cache)
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding cache folder: %w", err)
	}
	return filepath.Join(user, "tryon-operator"), nil
}

// FindModule returns the folder of this module, looking from a folder of the repository upwards.
func FindModule(from string) (string, error) {
	for folder := from; ; folder = filepath.Dir(folder) {
		for _, candidate := range []string{folder, filepath.Join(folder, "hack", "cluster")} {
			content, err := os.ReadFile(filepath.Join(candidate, "go.mod"))
			if err == nil && strings.HasPrefix(string(content), "module github.com/braincreators/tryon-operator/hack/cluster\n") {
				return candidate, nil
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("looking for sources: %w", err)
			}
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("%s is not inside the repository", from)
		}
	}
}
