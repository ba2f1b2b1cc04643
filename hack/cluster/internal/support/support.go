package support

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// Err means that this machine or user cannot run the local cluster.
var Err = errors.New("the local cluster needs Linux and root")

// ExitCode is the command's exit code for Err.
const ExitCode = 2

// Check returns nil on Linux for root, else Err with the way out.
func Check() error { return check(runtime.GOOS, os.Geteuid()) }

func check(system string, user int) error {
	if system == "linux" && user == 0 {
		return nil
	}
	return fmt.Errorf("%w; use CLUSTER=kind (a cluster in Docker) or CLUSTER=current (the one that kubectl talks to)", Err)
}
