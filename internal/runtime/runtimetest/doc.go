// Package runtimetest starts real model servers for tests: ONNX Runtime with a graph of a few hundred bytes that keeps the serving signature.
// The graph pastes the garment onto the person where the garment mask is, which is a (bad, but exact) try-on.
package runtimetest
