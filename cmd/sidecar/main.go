// Command tryon-sidecar is the data plane of a serving pod.
package main

import (
	"os"

	"github.com/braincreators/tryon-operator/internal/sidecar"
)

func main() {
	os.Exit(sidecar.Main(os.Args[1:], os.Getenv, os.Stderr))
}
