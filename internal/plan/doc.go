// Package plan turns what the user wrote into what a version is: the stages with the model's changes applied, the immutable spec of
// a TryOnModelVersion, and the keys by which finished work is recognised. A key is the sha256 of the canonical JSON of everything
// that the output of the work depends on; what runs where, such as memory or node selectors, is no part of it. The package is pure.
package plan
