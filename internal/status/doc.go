// Package status writes an object's status: once per pass, on success and on failure, and only when it changed. Events tell of
// changed reasons after the write that they describe.
package status
