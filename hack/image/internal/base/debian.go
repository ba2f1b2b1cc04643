package base

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// unpackPackages downloads Debian packages of the host's distribution, whose signatures apt checks, and unpacks them into
// dir without running their scripts. Documentation and translations are left out.
func unpackPackages(ctx context.Context, dir string, names ...string) error {
	debs, err := os.MkdirTemp("", "tryon-debs-")
	if err != nil {
		return fmt.Errorf("downloading packages: %w", err)
	}
	defer os.RemoveAll(debs)
	if err := download(ctx, debs, names); err != nil {
		return err
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
		if err := run(ctx, "", "dpkg-deb", "-x", f, dir); err != nil {
			return fmt.Errorf("unpacking %s: %w", filepath.Base(f), err)
		}
	}
	return remove(dir, "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/doc-base",
		"usr/share/gdb", "usr/lib/*/gconv", "lib/*/gconv", "usr/lib/systemd", "lib/systemd")
}

// download asks apt for the packages' files, and for fresh lists when it does not know them.
func download(ctx context.Context, dir string, names []string) error {
	args := append([]string{"-q", "-o", "APT::Sandbox::User=root", "download"}, names...)
	first := run(ctx, dir, "apt-get", args...)
	if first == nil {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("downloading packages (apt's lists may be missing or old: run apt-get update as root): %w", first)
	}
	if err := run(ctx, "", "apt-get", "-q", "update"); err != nil {
		return fmt.Errorf("downloading packages: %w", errors.Join(first, err))
	}
	if err := run(ctx, dir, "apt-get", args...); err != nil {
		return fmt.Errorf("downloading packages: %w", err)
	}
	return nil
}

// run runs a tool and puts the end of its output into the error.
func run(ctx context.Context, dir, tool string, args ...string) error {
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		text := out.Bytes()
		if len(text) > 2000 {
			text = text[len(text)-2000:]
		}
		return fmt.Errorf("running %s: %w\n%s", tool, err, bytes.TrimSpace(text))
	}
	return nil
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
