// Package methods holds the built-in TryOnMethods as manifests. The manager applies them when it starts; they are data, and a platform
// team adds its own with kubectl.
package methods

import "embed"

// Files are the manifests, *.yaml.
//
//go:embed *.yaml
var Files embed.FS
