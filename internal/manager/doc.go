// Package manager wires the operator together: flags into one struct, the scheme, the cache that holds only what is ours, the
// controllers, and the built-in methods that are applied at the start.
package manager
