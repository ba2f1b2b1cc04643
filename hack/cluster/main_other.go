//go:build !linux

package main

import (
	"fmt"
	"os"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/support"
)

func main() {
	fmt.Fprintln(os.Stderr, "cluster:", support.Check())
	os.Exit(support.ExitCode)
}
