package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/braincreators/tryon-operator/hack/image/internal/base"
	"github.com/braincreators/tryon-operator/hack/image/internal/buildctx"
	"github.com/braincreators/tryon-operator/hack/image/internal/cache"
	"github.com/braincreators/tryon-operator/hack/image/internal/host"
)

// enter mounts what programs expect of a running system into the root ($0), in the mount namespace that unshare made, and
// runs the rest of the arguments in it.
const enter = `mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs tmpfs "$0/tmp" && exec chroot "$0" "$@"`

func rootfsCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "rootfs trainer [-- COMMAND…]",
		Short: "Prints the path of the trainer image's root file system with the work tree's trainer and its tests in it, or runs a command there (as root)",
		Example: "  go -C hack/image run . rootfs trainer\n" +
			"  go -C hack/image run . rootfs trainer -- python3 -m pytest -p no:cacheprovider /opt/tryon/trainer",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] != "trainer" {
				return errors.New("the root file system that is kept unpacked is: trainer")
			}
			if len(args) > 1 && cmd.ArgsLenAtDash() != 1 {
				return errors.New("write -- before the command to run")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := o.open()
			if err != nil {
				return err
			}
			dir, env, err := w.trainerRoot(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				fmt.Println(dir)
				return nil
			}
			return runIn(cmd.Context(), dir, env, args[1:])
		},
	}
}

// trainerRoot returns an unpacked root made of the trainer's base and pipelines/trainer with its tests, and the image's
// variables. The base's files are hard links: nothing is copied.
func (w *workshop) trainerRoot(ctx context.Context) (dir string, env []string, err error) {
	s, err := w.recipe.Stage("trainer")
	if err != nil {
		return "", nil, err
	}
	w.bases.Mode = base.Substitute
	b, err := w.bases.Resolve(ctx, s.Root().Base)
	if err != nil {
		return "", nil, err
	}
	image, err := w.assemble.Image(ctx, s)
	if err != nil {
		return "", nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return "", nil, err
	}
	// The methods go where the trainer's tests look for them: beside the trainer.
	files, err := w.pipelineFiles("trainer", "/opt/tryon/trainer")
	if err != nil {
		return "", nil, err
	}
	methods, err := w.pipelineFiles("methods", "/opt/tryon/methods")
	if err != nil {
		return "", nil, err
	}
	files = append(files, methods...)
	checker, err := w.pythonRuntime(ctx)
	if err != nil {
		return "", nil, err
	}
	dir, err = w.cache.Fill("rootfs", "trainer", cache.Key([]any{"rootfs/v2", b.Root, checker, files}), func(dir string) error {
		packages := filepath.Join(dir, "usr/local/lib/python3.11/dist-packages")
		for _, link := range [][2]string{{b.Root, dir}, {checker, packages}} {
			if err := exec.CommandContext(ctx, "cp", "-al", link[0]+"/.", link[1]).Run(); err != nil {
				return fmt.Errorf("linking the trainer's base: %w", err)
			}
		}
		return buildctx.Copy(files, dir)
	})
	return dir, config.Config.Env, err
}

// pipelineFiles are the files of a folder of pipelines, under the path that they have in the trainer's root.
func (w *workshop) pipelineFiles(folder, to string) ([]buildctx.File, error) {
	source := "pipelines/" + folder
	files, err := buildctx.Tree(filepath.Join(w.root, source), source, buildctx.All)
	if err != nil {
		return nil, err
	}
	return buildctx.Destination(files, to, true, false), nil
}

// pythonRuntime returns a folder with ONNX Runtime's Python package, at the version that serves: the trainer's tests run the
// graphs that it exports. Debian has none, and the image needs none.
func (w *workshop) pythonRuntime(ctx context.Context) (string, error) {
	version := w.recipe.Args["ONNXRUNTIME_VERSION"]
	platform := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	return w.cache.Fill("python", "onnxruntime", cache.Key([]any{"python/v1", version, platform}), func(dir string) error {
		defer w.log.Begin("installing ONNX Runtime's Python package for the trainer's tests", "10s, once")()
		if err := host.EnsureModule(ctx, "pip", "python3-pip"); err != nil {
			return err
		}
		out, err := exec.CommandContext(ctx, "python3", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:",
			"--implementation=cp", "--python-version=3.11", "--platform=manylinux_2_27_"+platform, "--platform=manylinux_2_28_"+platform,
			"--target="+dir, "onnxruntime=="+version).CombinedOutput()
		if err != nil {
			return fmt.Errorf("installing ONNX Runtime's Python package: %w\n%s", err, out)
		}
		return nil
	})
}

// runIn runs a command with dir as its root, in mount and process namespaces of its own.
func runIn(ctx context.Context, dir string, env, args []string) error {
	cmd := exec.CommandContext(ctx, "unshare", append([]string{
		"--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh", "-c", enter, dir}, args...)...)
	cmd.Env = append([]string{"HOME=/tmp", "LC_ALL=C.UTF-8"}, env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s in the trainer's root file system: %w", args[0], err)
	}
	return nil
}
