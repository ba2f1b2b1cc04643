package assemble

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/braincreators/tryon-operator/hack/image/internal/base"
	"github.com/braincreators/tryon-operator/hack/image/internal/buildctx"
	"github.com/braincreators/tryon-operator/hack/image/internal/cache"
	"github.com/braincreators/tryon-operator/hack/image/internal/layer"
	"github.com/braincreators/tryon-operator/hack/image/internal/recipe"
	"github.com/braincreators/tryon-operator/hack/image/internal/stage"
)

// Bases finds the image that a stage starts from.
type Bases interface {
	Resolve(ctx context.Context, reference string) (*base.Base, error)
}

// Assembler makes images.
type Assembler struct {
	Cache    *cache.Cache
	Stages   *stage.Runner
	Bases    Bases
	Platform recipe.Platform
}

// Image makes the image of a final stage.
func (a *Assembler) Image(ctx context.Context, target *recipe.Stage) (v1.Image, error) {
	// Steps come before the base: a build that does not compile should say so before minutes go into a base.
	var layers []mutate.Addendum
	for _, s := range target.Chain() {
		for _, step := range s.Steps {
			if step.Copy == nil {
				continue
			}
			l, err := a.copyLayer(ctx, target.Name, step.Copy)
			if err != nil {
				return nil, fmt.Errorf("making image %s: line %d: %w", target.Name, step.Line, err)
			}
			layers = append(layers, mutate.Addendum{Layer: l, History: v1.History{
				CreatedBy: "COPY " + strings.Join(append(slices.Clone(step.Copy.Sources), step.Copy.Dest), " "),
			}})
		}
	}
	b, err := a.Bases.Resolve(ctx, target.Root().Base)
	if err != nil {
		return nil, fmt.Errorf("making image %s: %w", target.Name, err)
	}
	if target.Runs() && !b.Complete {
		return nil, fmt.Errorf("making image %s: it has RUN lines on base %s, which need a container engine", target.Name, target.Root().Base)
	}
	image, err := mutate.Append(b.Image, layers...)
	if err != nil {
		return nil, fmt.Errorf("making image %s: %w", target.Name, err)
	}
	return a.configure(image, target)
}

// copyLayer packs what a COPY takes. Its key is the content, so that another commit with the same binary keeps the layer.
func (a *Assembler) copyLayer(ctx context.Context, name string, c *recipe.Copy) (*layer.Packed, error) {
	files, err := a.Stages.Files(ctx, c)
	if err != nil {
		return nil, err
	}
	dir, err := a.Cache.Fill("layers", name, cache.Key([]any{"layer/v1", files}), func(dir string) error {
		return layer.Pack(dir, entries(files))
	})
	if err != nil {
		return nil, err
	}
	return layer.Open(dir)
}

func entries(files []buildctx.File) []layer.Entry {
	var out []layer.Entry
	for _, f := range files {
		e := layer.Entry{Path: f.Path, Mode: f.Mode, Source: f.Source}
		if f.Mode&fs.ModeSymlink != 0 {
			e.Target = f.Target
		}
		out = append(out, e)
	}
	return layer.WithParents(out)
}

// configure writes the stage's configuration over the base's.
func (a *Assembler) configure(image v1.Image, target *recipe.Stage) (v1.Image, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("configuring image %s: %w", target.Name, err)
	}
	file = file.DeepCopy()
	// containerd leaves out an image that does not say what it runs on.
	file.OS, file.Architecture = a.Platform.OS, a.Platform.Arch
	file.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	for i := range file.History {
		file.History[i].Created = file.Created
	}
	apply(&file.Config, target.Config)
	out, err := mutate.ConfigFile(image, file)
	if err != nil {
		return nil, fmt.Errorf("configuring image %s: %w", target.Name, err)
	}
	return out, nil
}

func apply(to *v1.Config, from recipe.Config) {
	for _, kv := range from.Env {
		name, _, _ := strings.Cut(kv, "=")
		to.Env = slices.DeleteFunc(to.Env, func(have string) bool { return strings.HasPrefix(have, name+"=") })
		to.Env = append(to.Env, kv)
	}
	if from.User != "" {
		to.User = from.User
	}
	if from.Workdir != "" {
		to.WorkingDir = from.Workdir
	}
	if from.Entrypoint != nil {
		to.Entrypoint, to.Cmd = from.Entrypoint, nil
	}
	if from.Cmd != nil {
		to.Cmd = from.Cmd
	}
	if to.Labels == nil && len(from.Labels) > 0 {
		to.Labels = map[string]string{}
	}
	maps.Copy(to.Labels, from.Labels)
	if to.ExposedPorts == nil && len(from.Ports) > 0 {
		to.ExposedPorts = map[string]struct{}{}
	}
	for _, p := range from.Ports {
		to.ExposedPorts[p] = struct{}{}
	}
}
