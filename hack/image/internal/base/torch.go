package base

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/braincreators/tryon-operator/hack/image/internal/host"
	"github.com/braincreators/tryon-operator/hack/image/internal/layer"
)

const (
	torchSuite = "bookworm"
	// torchPackages: OpenBLAS because Debian's default, the reference BLAS, multiplies matrices some 40 times slower;
	// pytest so that the trainer's own tests run in the very file system that trains.
	torchPackages = "python3-torch,python3-onnx,python3-pil,python3-numpy,libopenblas0-pthread,python3-pytest"
)

// torchStrip is what a training process never opens. LLVM, Mesa and the video accelerators are there only because OpenCV,
// which libtorch links, can open windows; they are loaded by name and never asked for here.
var torchStrip = []string{
	"usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/doc-base",
	"usr/share/fonts", "usr/share/proj", "usr/share/gdal", "usr/share/mime", "usr/share/X11", "usr/share/perl",
	"usr/lib/libtorch-test", "usr/lib/gcc", "usr/include", "usr/lib/python3/dist-packages/torch/include",
	"usr/lib/*/libLLVM-*", "usr/lib/*/dri", "usr/lib/*/mfx", "usr/lib/*/libmfxhw*", "usr/lib/*/libz3.so*", "usr/lib/*/qt5",
	"usr/lib/*/perl", "usr/lib/*/gconv", "usr/lib/*/*.a",
	"var/cache/*", "var/log/*", "var/lib/apt/lists/*", "var/backups/*", "var/tmp/*", "tmp/*", "run/*", "dev/*", "boot/*",
	"etc/resolv.conf", "etc/hostname", "etc/machine-id", "etc/ssl/private", "debootstrap",
}

// torch stands in for a PyTorch image: a small Debian with its build of PyTorch for CPUs.
func (r *Resolver) torch(ctx context.Context) (*Base, error) {
	dir, err := r.Cache.Fill("bases", "torch", r.key("torch/v2", torchSuite, torchPackages, r.Mirror), func(dir string) error {
		return r.makeTorch(ctx, dir)
	})
	if err != nil {
		return nil, fmt.Errorf("making the substitute for the PyTorch image: %w", err)
	}
	config := v1.Config{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	if r.Platform.Arch == "amd64" {
		// One kernel family everywhere: this OpenBLAS misjudges processors that are newer than it, and a fixed choice
		// makes runs on different machines comparable.
		config.Env = append(config.Env, "OPENBLAS_CORETYPE=Haswell")
	}
	image, err := r.compose(config, dir)
	return &Base{Image: image, Complete: true, Root: filepath.Join(dir, "root")}, err
}

func (r *Resolver) makeTorch(ctx context.Context, dir string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("debootstrap needs root: run this once as root with the same cache folder, or use --bases=pull")
	}
	if err := host.Ensure(ctx, "debootstrap", "debootstrap"); err != nil {
		return err
	}
	root := filepath.Join(dir, "root")
	start := time.Now()
	if err := r.debootstrap(ctx, root); err != nil {
		return err
	}
	if err := stripTorch(root); err != nil {
		return err
	}
	if err := checkTorch(ctx, root); err != nil {
		return err
	}
	defer r.Log.Begin("packing the PyTorch layer", "15s, once")()
	entries, err := layer.FromRoot(root, start)
	if err != nil {
		return err
	}
	entries = append(entries,
		layer.Entry{Path: "home/nonroot", Mode: fs.ModeDir | 0o700, UID: UID, GID: UID},
		layer.Entry{Path: "etc/resolv.conf", Mode: 0o644}, layer.Entry{Path: "etc/hostname", Mode: 0o644})
	if err := layer.Pack(dir, layer.WithParents(entries)); err != nil {
		return err
	}
	return os.RemoveAll(r.Cache.Path("debs"))
}

// debootstrap runs in a mount namespace of its own, so that a killed run leaves no /proc mounted in the cache.
func (r *Resolver) debootstrap(ctx context.Context, root string) error {
	defer r.Log.Begin("installing Debian's PyTorch with debootstrap (download and unpack about 300 MB)", "3 to 4 min, once")()
	// Downloads outlive a run that fails or is interrupted; one that worked has no more use for them.
	debs := r.Cache.Path("debs")
	if err := os.MkdirAll(debs, 0o755); err != nil {
		return fmt.Errorf("making the cache folder: %w", err)
	}
	args := []string{"--mount", "--propagation", "private", "debootstrap", "--variant=minbase", "--cache-dir=" + debs,
		"--include=" + torchPackages, torchSuite, root}
	if r.Mirror != "" {
		args = append(args, r.Mirror)
	}
	return host.Run(ctx, "", "unshare", args...)
}

// stripTorch removes what training does not need and adds the image's user.
func stripTorch(root string) error {
	if err := remove(root, torchStrip...); err != nil {
		return err
	}
	packages := filepath.Join(root, "usr/lib/python3/dist-packages")
	var tests []string
	err := filepath.WalkDir(packages, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() != "tests" || strings.Contains(p, "/testing/") {
			return err
		}
		tests = append(tests, p)
		return fs.SkipDir
	})
	for _, dir := range tests {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return fmt.Errorf("stripping tests: %w", err)
	}
	for file, line := range map[string]string{
		"etc/passwd": fmt.Sprintf("nonroot:x:%d:%d:nonroot:/home/nonroot:/usr/sbin/nologin\n", UID, UID),
		"etc/group":  fmt.Sprintf("nonroot:x:%d:\n", UID),
	} {
		if err := appendTo(filepath.Join(root, file), line); err != nil {
			return err
		}
	}
	return nil
}

// torchCheck imports what the trainer imports and does the two things that load further libraries by name: a
// multiplication and an export.
const torchCheck = `
import io, numpy, onnx, PIL.Image, pytest, torch
assert bool((torch.eye(64) @ torch.eye(64)).eq(torch.eye(64)).all())
torch.onnx.export(torch.nn.Conv2d(1, 1, 3), torch.zeros(1, 1, 8, 8), io.BytesIO())
`

// checkTorch proves that what stripTorch left still works, before it is packed.
func checkTorch(ctx context.Context, root string) error {
	err := host.Run(ctx, "", "unshare", "--mount", "--propagation", "private", "sh", "-c",
		`mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" env PYTHONDONTWRITEBYTECODE=1 python3 -c "$1"`, root, torchCheck)
	if err != nil {
		return fmt.Errorf("trying the stripped PyTorch: %w", err)
	}
	return nil
}

func appendTo(file, line string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("adding the image's user: %w", err)
	}
	if _, err := f.WriteString(line); err != nil {
		f.Close()
		return fmt.Errorf("adding the image's user: %w", err)
	}
	return f.Close()
}
