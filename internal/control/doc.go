// Package control is what the operator and its serving pods say to each other: the control document (which candidate gets which share of the
// traffic, and what is compared in shadow), the status that a pod answers with, and the signatures of what the operator sends. It imports
// nothing but the standard library, because both the manager and the sidecar are built on it.
package control
