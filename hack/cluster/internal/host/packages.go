package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A Need is a program that the machine must offer and the Debian package that brings it.
type Need struct{ Program, Package string }

// Missing returns the packages whose programs are not on the PATH.
func Missing(needs []Need) []string {
	var packages []string
	for _, need := range needs {
		if _, err := exec.LookPath(need.Program); err != nil && !slices.Contains(packages, need.Package) {
			packages = append(packages, need.Package)
		}
	}
	return packages
}

// Install installs packages with apt, refreshing its lists when they do not know a package. What apt says goes to log.
// On a machine without apt the error names what to install.
func Install(ctx context.Context, packages []string, log io.Writer) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("missing on this machine: %s; install them with the system's package manager", strings.Join(packages, ", "))
	}
	install := append([]string{"-o", "DPkg::Lock::Timeout=300", "install", "--yes", "--no-install-recommends"}, packages...)
	if apt(ctx, log, install...) == nil {
		return nil
	}
	if err := apt(ctx, log, "update"); err != nil {
		return err
	}
	return apt(ctx, log, install...)
}

func apt(ctx context.Context, log io.Writer, args ...string) error {
	command := exec.CommandContext(ctx, "apt-get", args...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	command.Stdout, command.Stderr = log, log
	if err := command.Run(); err != nil {
		return fmt.Errorf("running apt-get %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
