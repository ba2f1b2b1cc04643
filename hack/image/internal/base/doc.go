// Package base resolves the images that a recipe's final stages start from. With a registry at hand they are pulled. On a
// machine without one they are substituted by file systems of the same shape made from Debian's packages: what distroless
// is itself made of, and for PyTorch Debian's own build of it for CPUs. Substitutes are made once and cached.
package base
