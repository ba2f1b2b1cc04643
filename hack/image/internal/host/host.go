package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Run runs a program in dir and puts the end of its output into the error.
func Run(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		text := out.Bytes()
		if len(text) > 2000 {
			text = text[len(text)-2000:]
		}
		return fmt.Errorf("running %s: %w\n%s", program, err, bytes.TrimSpace(text))
	}
	return nil
}

// Apt runs apt-get, and once more with fresh lists when it does not know a package: a new machine has none.
func Apt(ctx context.Context, dir string, args ...string) error {
	first := Run(ctx, dir, "apt-get", args...)
	if first == nil {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("apt's lists may be missing or old (run apt-get update as root): %w", first)
	}
	if err := Run(ctx, "", "apt-get", "-q", "update"); err != nil {
		return errors.Join(first, err)
	}
	return Run(ctx, dir, "apt-get", args...)
}

// Ensure installs packages when a program is missing.
func Ensure(ctx context.Context, program string, packages ...string) error {
	if _, err := exec.LookPath(program); err == nil {
		return nil
	}
	return install(ctx, program, packages)
}

// EnsureModule installs packages when the machine's Python lacks a module: Debian packs pip apart from Python.
func EnsureModule(ctx context.Context, module string, packages ...string) error {
	if Run(ctx, "", "python3", "-c", "import "+module) == nil {
		return nil
	}
	return install(ctx, "Python's module "+module, packages)
}

func install(ctx context.Context, what string, packages []string) error {
	args := append([]string{"-q", "-y", "-o", "DPkg::Lock::Timeout=300", "install", "--no-install-recommends"}, packages...)
	if err := Apt(ctx, "", args...); err != nil {
		return fmt.Errorf("%s is missing; install %s: %w", what, strings.Join(packages, " and "), err)
	}
	return nil
}
