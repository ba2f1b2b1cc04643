// Package runtime is the model server: it loads a version's weights, checks that the graph keeps the serving signature tryon/v1,
// and answers the Open Inference Protocol v2 over REST with bounded concurrency and deadlines.
//
// The package itself is plain Go; the one part that needs cgo and libonnxruntime is the package ort below it.
package runtime
