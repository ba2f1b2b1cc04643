// Package addons holds what is laid over the published manifests of software that runs in the local cluster.
package addons
