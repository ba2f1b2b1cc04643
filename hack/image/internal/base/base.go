package base

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/braincreators/tryon-operator/hack/image/internal/cache"
	"github.com/braincreators/tryon-operator/hack/image/internal/layer"
	"github.com/braincreators/tryon-operator/hack/image/internal/progress"
	"github.com/braincreators/tryon-operator/hack/image/internal/recipe"
)

// Mode says where bases come from.
type Mode string

// The modes: Auto substitutes for root where Debian's tools are, and pulls elsewhere.
const (
	Auto       Mode = "auto"
	Pull       Mode = "pull"
	Substitute Mode = "substitute"
)

// UID owns the home folder of our images' user, as in distroless' nonroot images.
const UID = 65532

// Base is an image to start from.
type Base struct {
	Image v1.Image
	// Complete says that the base already holds what RUN lines directly on it would install.
	Complete bool
	// Root is the unpacked file system, for substitutes that keep it.
	Root string
}

// Resolver finds bases.
type Resolver struct {
	Cache    *cache.Cache
	Log      *progress.Log
	Platform recipe.Platform
	Mode     Mode
	// Mirror overrides the Debian mirror that debootstrap reads.
	Mirror string
	// Refresh is added to the keys of substitutes: another value makes them anew.
	Refresh string
}

// substitutes are the bases this package can make, by repository prefix.
var substitutes = []struct {
	repository string
	make       func(*Resolver, context.Context) (*Base, error)
}{
	{"gcr.io/distroless/static-", (*Resolver).static},
	{"gcr.io/distroless/cc-", (*Resolver).cc},
	{"pytorch/pytorch:", (*Resolver).torch},
}

// Resolve returns the base that reference names. "scratch" is empty.
func (r *Resolver) Resolve(ctx context.Context, reference string) (*Base, error) {
	if reference == "scratch" {
		return &Base{Image: emptyImage()}, nil
	}
	mode := r.Mode
	if mode == Auto {
		mode = choose(os.Geteuid(), hasDebianTools())
	}
	if mode == Pull {
		return r.pull(ctx, reference)
	}
	for _, s := range substitutes {
		if strings.HasPrefix(reference, s.repository) {
			return s.make(r, ctx)
		}
	}
	return nil, fmt.Errorf("no substitute is known for base image %s: use --bases=pull", reference)
}

// choose gives the mode of Auto. Only root can run debootstrap.
func choose(user int, debianTools bool) Mode {
	if user == 0 && debianTools {
		return Substitute
	}
	return Pull
}

func (r *Resolver) pull(ctx context.Context, reference string) (*Base, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("reading base image reference: %w", err)
	}
	defer r.Log.Begin("pulling "+reference, "depends on the registry")()
	image, err := remote.Image(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: r.Platform.OS, Architecture: r.Platform.Arch}))
	if err != nil {
		return nil, fmt.Errorf("pulling base image %s: %w", reference, err)
	}
	return &Base{Image: image}, nil
}

func hasDebianTools() bool {
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return false
		}
	}
	return true
}

func emptyImage() v1.Image {
	return mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
}

// compose makes an image of packed layers.
func (r *Resolver) compose(config v1.Config, dirs ...string) (v1.Image, error) {
	image := emptyImage()
	for _, dir := range dirs {
		l, err := layer.Open(dir)
		if err != nil {
			return nil, err
		}
		if image, err = mutate.Append(image, mutate.Addendum{Layer: l, History: v1.History{CreatedBy: "hack/image base"}}); err != nil {
			return nil, fmt.Errorf("composing base image: %w", err)
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("composing base image: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = r.Platform.OS, r.Platform.Arch
	file.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	file.Config = config
	return mutate.ConfigFile(image, file)
}

// key names a substitute by its recipe.
func (r *Resolver) key(recipe ...string) string {
	return cache.Key(append(recipe, r.Platform.String(), r.Refresh))
}
