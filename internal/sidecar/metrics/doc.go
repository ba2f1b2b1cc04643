// Package metrics counts what a sidecar does, for Prometheus and for the control status. All labels come from closed sets.
package metrics
