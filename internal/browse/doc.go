// Package browse shows the reports of an artefact store over HTTP, read-only, so that a person can look at them with a browser and
// a port-forward. It serves documents only: no weights, no datasets, no blobs.
package browse
