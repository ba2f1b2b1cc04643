// Package problem has the typed refusals and failures of the sidecar's APIs: one code each, with its HTTP status, and what the caller can do.
// They travel as the problem documents of RFC 9457.
package problem
