// Package buildctx is the build context: the files of the work tree that .dockerignore lets a recipe see. It selects them
// with the same pattern library as BuildKit, digests them, and copies them into a stage's folder.
package buildctx
