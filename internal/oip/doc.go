// Package oip speaks the Open Inference Protocol v2 over REST, on both sides, with the binary tensor extension.
//
// Everything that arrives is hostile: bodies, headers, ranks, shapes, parameters and names are bounded, every tensor's
// bytes must match its datatype and shape, and each refusal is an *Error with a stable code.
// The serving signature tryon/v1 lives here as well, because both ends of the protocol check it.
//
// Sources: the Open Inference Protocol's REST specification and the binary tensor data extension as Triton documents it.
package oip
