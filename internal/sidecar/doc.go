// Package sidecar is the data plane of a serving pod: the Shopper API in front of a model server that speaks the Open Inference Protocol.
//
// One request's way is the function tryOn: limits, decoding, input gate, preprocessing, bounded queue, runtime, composition, reply. Beside it
// stand the share of traffic that a candidate answers (forward.go), the control document that says so (control.go), the golden requests that
// make the pod ready (golden.go), and the drain that ends it without a failed request (server.go).
// Nothing here imports Kubernetes.
package sidecar
