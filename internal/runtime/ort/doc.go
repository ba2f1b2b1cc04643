// Package ort runs a checked ONNX graph with ONNX Runtime through cgo. It holds everything that needs the library, and nothing else.
package ort
