// Package recipe reads the project's Dockerfile into stages whose words are expanded and whose every instruction is one
// that hack/image can carry out without a container engine. BuildKit's own parser does the reading, so both builders see
// the same file; what this package adds is the refusal, with file and line, of anything outside the subset.
package recipe
