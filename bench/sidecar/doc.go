// Package sidecar measures what the sidecar costs beside the model server: go test -bench . ./bench/sidecar
package sidecar
