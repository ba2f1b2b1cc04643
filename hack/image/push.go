package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/spf13/cobra"
)

func pushCommand(o *options) *cobra.Command {
	var registry, tag, digests string
	cmd := &cobra.Command{
		Use:   "push --registry HOST/PATH [--only worker,…] [--digests FILE]",
		Short: "Builds images and pushes them; what the registry has is not sent again",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.each(cmd.Context(), digests, func(ctx context.Context, w *workshop, target string, image v1.Image) (string, error) {
				return w.push(ctx, registry+"/"+target+":"+tag, image)
			})
		},
	}
	cmd.Flags().StringVar(&registry, "registry", "", "registry and path prefix, such as 127.0.0.1:5001/tryon (plain HTTP on loopback addresses)")
	cmd.Flags().StringVar(&tag, "tag", "latest", "the tag that is moved to the images")
	cmd.Flags().StringVar(&digests, "digests", "", "writes a JSON object from image name to reference by digest")
	cmd.Flags().StringSliceVar(&o.only, "only", nil, "only these images")
	if err := cmd.MarkFlagRequired("registry"); err != nil {
		panic(err)
	}
	return cmd
}

func archiveCommand(o *options) *cobra.Command {
	var dir, repository, digests string
	cmd := &cobra.Command{
		Use:   "archive --dir DIR [--only worker,…] [--digests FILE]",
		Short: "Builds images and writes each as DIR/NAME.tar for `kind load image-archive` or `docker load`",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.each(cmd.Context(), digests, func(_ context.Context, w *workshop, target string, image v1.Image) (string, error) {
				return w.archive(filepath.Join(w.path(dir), target+".tar"), repository+"/"+target, image)
			})
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "where the archives go")
	cmd.Flags().StringVar(&repository, "repository", "localhost/tryon", "prefix of the images' names; the tag is the start of the digest")
	cmd.Flags().StringVar(&digests, "digests", "", "writes a JSON object from image name to reference")
	cmd.Flags().StringSliceVar(&o.only, "only", nil, "only these images")
	if err := cmd.MarkFlagRequired("dir"); err != nil {
		panic(err)
	}
	return cmd
}

// deliver sends one image somewhere and returns the reference by which a cluster finds it there.
type deliver func(ctx context.Context, w *workshop, target string, image v1.Image) (string, error)

// errNotLinux: Go would compile the static binaries anywhere, but what uses cgo for the machine that it is compiled on.
var errNotLinux = errors.New("images are built on Linux, because the model server is compiled with cgo; elsewhere use a container engine: " +
	"docker build --target NAME . for each of manager, worker, sidecar, runtime and trainer")

// each builds every chosen target and delivers it. The references file is written last and only when all of them worked.
func (o *options) each(ctx context.Context, digests string, send deliver) error {
	if runtime.GOOS != "linux" {
		return errNotLinux
	}
	w, err := o.open()
	if err != nil {
		return err
	}
	references := map[string]string{}
	for _, target := range w.targets {
		s, err := w.recipe.Stage(target)
		if err != nil {
			return err
		}
		image, err := w.assemble.Image(ctx, s)
		if err != nil {
			return err
		}
		if references[target], err = send(ctx, w, target, image); err != nil {
			return err
		}
		w.log.Say("%s: %s", target, references[target])
	}
	text, err := json.MarshalIndent(references, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if digests == "" {
		_, err = os.Stdout.Write(text)
		return err
	}
	return writeWhole(w.path(digests), text)
}

// push sends an image under tag and returns its reference by digest.
func (w *workshop) push(ctx context.Context, tag string, image v1.Image) (string, error) {
	ref, err := name.NewTag(tag)
	if err != nil {
		return "", fmt.Errorf("reading --registry: %w", err)
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	byDigest := ref.Context().Digest(digest.String())
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithJobs(2)}
	if have, err := remote.Head(ref, options...); err == nil && have.Digest == digest {
		return byDigest.String(), nil
	} else if err != nil && !isMissing(err) {
		return "", fmt.Errorf("asking for %s: %w", ref, err)
	}
	size, err := compressedSize(image)
	if err != nil {
		return "", err
	}
	defer w.log.Begin(fmt.Sprintf("pushing %s (at most %d MB)", ref, size>>20), "1s for each 100 MB to a local registry")()
	if err := remote.Write(ref, image, options...); err != nil {
		return "", fmt.Errorf("pushing %s: %w", ref, err)
	}
	return byDigest.String(), nil
}

// isMissing says whether a registry answered that it has no such manifest.
func isMissing(err error) bool {
	var e *transport.Error
	return errors.As(err, &e) && e.StatusCode == http.StatusNotFound
}

func compressedSize(image v1.Image) (int64, error) {
	layers, err := image.Layers()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, l := range layers {
		n, err := l.Size()
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// archive writes an image as a tar file that containerd and Docker load, under a tag made of its digest.
func (w *workshop) archive(file, repository string, image v1.Image) (string, error) {
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	ref, err := name.NewTag(repository + ":" + digest.Hex[:12])
	if err != nil {
		return "", fmt.Errorf("reading --repository: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", fmt.Errorf("writing archive: %w", err)
	}
	tmp := file + ".tmp"
	defer os.Remove(tmp)
	if err := tarball.WriteToFile(tmp, ref, image); err != nil {
		return "", fmt.Errorf("writing archive %s: %w", file, err)
	}
	if err := os.Rename(tmp, file); err != nil {
		return "", fmt.Errorf("writing archive: %w", err)
	}
	return strings.TrimPrefix(ref.Name(), "index.docker.io/"), nil
}

// writeWhole writes a file so that a reader sees all of it or the one before.
func writeWhole(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	if err := os.Rename(tmp, file); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}
