// Package recorder captures a share of the answered requests, off the live path, where spec.capture asks for it.
//
// Offer takes a reference to what the model saw and made into a bounded queue and returns at once; one goroutine writes it into the
// deployment's folder of captured requests (internal/capture) and sweeps that folder, so that it stays within its age and its size: once the
// last sweep is a minute old, or the pod has written as much as a sweep leaves free. Whatever the folder does, including nothing, can only
// fill the queue, and a full queue drops and counts.
package recorder
