// Package sidecar is the data plane of a serving pod: the Shopper API in front of a model server that speaks the Open Inference Protocol.
//
// This package wires the parts and has the two handlers, each readable from top to bottom: tryOn (tryon.go) and passThrough (passthrough.go),
// in the frame that counts, bounds and ends every request (handler.go). What can be said without HTTP handlers is a package of its own:
//
//	intake       what the pod takes on: connections, requests, bytes, and when the last request has ended
//	shopper      the wire form of the Shopper API
//	picture      decoding, preparing and pasting back
//	catalogue    garments by id
//	route        which version answers: the control document, the candidate's share, asking the candidate
//	queue        who may run in the model server, and when; how much work there is
//	batch        one run for those who waited together
//	modelserver  the model server: ready, asked, relayed to
//	shadow       what a candidate would have answered
//	metrics      what is counted
//	problem      the typed refusals that all of them end in
//
// None of them imports this one, and none imports Kubernetes. Work beside the path (copies to a shadow) hangs on the end of tryOn, after the
// reply.
package sidecar
