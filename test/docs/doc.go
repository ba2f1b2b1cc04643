// Package docs tests that the documentation is true: a real kube-apiserver takes every manifest in it, every link leads somewhere, every
// field that a page names exists, and whoever reads a bad reason finds what to do.
package docs
