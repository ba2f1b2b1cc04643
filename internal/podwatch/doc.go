// Package podwatch reads from observed pods what a user of the operator wants to know: why a pod does not start, what its worker
// reported, and how it failed. It is pure; who lists the pods decides what to do about it.
package podwatch
