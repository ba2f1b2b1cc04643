package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/braincreators/tryon-operator/hack/image/internal/assemble"
	"github.com/braincreators/tryon-operator/hack/image/internal/base"
	"github.com/braincreators/tryon-operator/hack/image/internal/buildctx"
	"github.com/braincreators/tryon-operator/hack/image/internal/cache"
	"github.com/braincreators/tryon-operator/hack/image/internal/progress"
	"github.com/braincreators/tryon-operator/hack/image/internal/recipe"
	"github.com/braincreators/tryon-operator/hack/image/internal/stage"
)

// targets are the recipe's stages that become images, in the order they are built: the trainer, whose base takes longest
// the first time, comes last so that a mistake in our own code shows early.
var targets = []string{"manager", "worker", "sidecar", "runtime", "trainer"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// options are the flags that every command shares.
type options struct {
	root, cache, bases, mirror, refresh string
	args                                map[string]string
	only                                []string
	verbose                             bool
}

func command() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:           "image",
		Short:         "Builds the project's images from its Dockerfile without a container engine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	f := cmd.PersistentFlags()
	f.StringVar(&o.root, "context", "", "the folder with the Dockerfile (default: found upwards from here); relative paths of other flags start there")
	f.StringVar(&o.cache, "cache", "", "the cache folder (default $TRYON_CACHE, or tryon-operator in the user's cache folder)")
	f.StringVar(&o.bases, "bases", string(base.Auto), "where base images come from: pull, substitute (made from Debian packages), or auto (substitute for root where apt is)")
	f.StringVar(&o.mirror, "debian-mirror", os.Getenv("TRYON_DEBIAN_MIRROR"), "the mirror that debootstrap reads (default: its own)")
	f.StringVar(&o.refresh, "refresh-bases", "", "any new word, such as a date, makes the substitutes anew with today's packages")
	f.StringToStringVar(&o.args, "build-arg", nil, "overrides a global ARG of the Dockerfile, as NAME=VALUE")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show what RUN lines print")
	cmd.AddCommand(pushCommand(o), archiveCommand(o), rootfsCommand(o), onnxruntimeCommand(o))
	return cmd
}

// workshop is everything a command needs to build.
type workshop struct {
	root     string
	cache    *cache.Cache
	log      *progress.Log
	recipe   *recipe.Recipe
	stages   *stage.Runner
	bases    *base.Resolver
	assemble *assemble.Assembler
	targets  []string
}

func (o *options) open() (*workshop, error) {
	root, err := findRoot(o.root)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]base.Mode{base.Auto, base.Pull, base.Substitute}, base.Mode(o.bases)) {
		return nil, fmt.Errorf("--bases=%s is neither auto, pull nor substitute", o.bases)
	}
	names, err := chooseTargets(o.only)
	if err != nil {
		return nil, err
	}
	platform := recipe.Platform{OS: "linux", Arch: runtime.GOARCH}
	w := &workshop{root: root, targets: names, log: progress.New(os.Stderr, time.Now)}
	if w.recipe, err = recipe.Load(filepath.Join(root, "Dockerfile"), platform, o.args); err != nil {
		return nil, err
	}
	if w.cache, err = cache.Open(o.cache); err != nil {
		return nil, err
	}
	context, err := buildctx.Open(root)
	if err != nil {
		return nil, err
	}
	w.stages = &stage.Runner{Cache: w.cache, Context: context, Log: w.log, Output: io.Discard}
	if o.verbose {
		w.stages.Output = os.Stderr
	}
	w.bases = &base.Resolver{Cache: w.cache, Log: w.log, Platform: platform, Mode: base.Mode(o.bases), Mirror: o.mirror, Refresh: o.refresh}
	w.assemble = &assemble.Assembler{Cache: w.cache, Stages: w.stages, Bases: w.bases, Platform: platform}
	return w, nil
}

// path resolves a relative path of a flag against the repository: `go -C hack/image run .` starts us in our own folder.
func (w *workshop) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(w.root, p)
}

func findRoot(dir string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "Dockerfile")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no Dockerfile in this folder or above it: name its folder with --context")
		}
		dir = up
	}
}

func chooseTargets(only []string) ([]string, error) {
	if len(only) == 0 {
		return targets, nil
	}
	for _, name := range only {
		if !slices.Contains(targets, name) {
			return nil, fmt.Errorf("--only %s: the images are %s", name, strings.Join(targets, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(targets), func(t string) bool { return !slices.Contains(only, t) }), nil
}
