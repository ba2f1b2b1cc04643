// Command tryon-runtime is the model server of a serving pod.
package main

import (
	"os"

	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/ort"
)

func main() {
	os.Exit(runtime.Main(os.Args[1:], os.Stderr, ort.Open))
}
