package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Spec describes an image of one layer for this machine's architecture. The same files give the same digest.
type Spec struct {
	Files      map[string]string // path in the image to path on this machine; programs keep their executable bit
	User       string            // "65532:65532"; empty is root
	Entrypoint []string
	Env        []string
}

// Push builds the image and pushes it to reference ("host:port/repository:tag"). It returns the reference by digest.
func Push(ctx context.Context, reference string, spec Spec) (string, error) {
	tag, err := name.NewTag(reference)
	if err != nil {
		return "", fmt.Errorf("parsing image reference: %w", err)
	}
	image, err := build(spec)
	if err != nil {
		return "", err
	}
	if err := remote.Write(tag, image, remote.WithContext(ctx)); err != nil {
		return "", fmt.Errorf("pushing %s: %w", reference, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return "", fmt.Errorf("reading image digest: %w", err)
	}
	return tag.Context().Digest(digest.String()).String(), nil
}

func build(spec Spec) (v1.Image, error) {
	files, err := archive(spec.Files)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil })
	if err != nil {
		return nil, fmt.Errorf("making image layer: %w", err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, fmt.Errorf("adding image layer: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading image config: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH // containerd ignores an image without them
	config.Config.User, config.Config.Entrypoint, config.Config.Env = spec.User, spec.Entrypoint, spec.Env
	return mutate.ConfigFile(image, config)
}

// archive packs the files in the order of their names and without times, so that equal files give equal bytes.
func archive(files map[string]string) ([]byte, error) {
	var buffer bytes.Buffer
	out := tar.NewWriter(&buffer)
	made := map[string]bool{".": true, "/": true}
	for _, target := range slices.Sorted(maps.Keys(files)) {
		clean := strings.TrimPrefix(path.Clean("/"+target), "/")
		for _, folder := range parents(clean) {
			if !made[folder] {
				made[folder] = true
				if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755}); err != nil {
					return nil, fmt.Errorf("packing folder: %w", err)
				}
			}
		}
		if err := pack(out, clean, files[target]); err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, fmt.Errorf("finishing archive: %w", err)
	}
	return buffer.Bytes(), nil
}

func pack(out *tar.Writer, target, source string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return fmt.Errorf("reading file for image: %w", err)
	}
	info, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("reading file for image: %w", err)
	}
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: target, Mode: mode, Size: int64(len(content))}
	if err := out.WriteHeader(header); err != nil {
		return fmt.Errorf("packing %s: %w", target, err)
	}
	if _, err := out.Write(content); err != nil {
		return fmt.Errorf("packing %s: %w", target, err)
	}
	return nil
}

// parents lists the folders above a path, outermost first.
func parents(file string) []string {
	var found []string
	for folder := path.Dir(file); folder != "." && folder != "/"; folder = path.Dir(folder) {
		found = append(found, folder)
	}
	slices.Reverse(found)
	return found
}
