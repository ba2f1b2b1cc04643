package base

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/braincreators/tryon-operator/hack/image/internal/host"
)

// unpackPackages downloads Debian packages of the host's distribution, whose signatures apt checks, and unpacks them into
// dir without running their scripts. Documentation and translations are left out.
func unpackPackages(ctx context.Context, dir string, names ...string) error {
	debs, err := os.MkdirTemp("", "tryon-debs-")
	if err != nil {
		return fmt.Errorf("downloading packages: %w", err)
	}
	defer os.RemoveAll(debs)
	args := append([]string{"-q", "-o", "APT::Sandbox::User=root", "download"}, names...)
	if err := host.Apt(ctx, debs, args...); err != nil {
		return fmt.Errorf("downloading packages: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	if len(files) != len(names) {
		return fmt.Errorf("downloading packages: asked for %s, got %d files", strings.Join(names, ", "), len(files))
	}
	slices.Sort(files)
	for _, f := range files {
		if err := host.Run(ctx, "", "dpkg-deb", "-x", f, dir); err != nil {
			return fmt.Errorf("unpacking %s: %w", filepath.Base(f), err)
		}
	}
	return remove(dir, "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/doc-base",
		"usr/share/gdb", "usr/lib/*/gconv", "lib/*/gconv", "usr/lib/systemd", "lib/systemd")
}

// remove deletes what patterns match below dir.
func remove(dir string, patterns ...string) error {
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			return err
		}
		for _, f := range found {
			if err := os.RemoveAll(f); err != nil {
				return fmt.Errorf("stripping: %w", err)
			}
		}
	}
	return nil
}
