// Package report holds the envelope with which every worker ends, the summaries it carries, and its strict, bounded decoding.
//
// A worker writes one envelope to its container's termination message. The controller reads it back from the pod's status and
// believes nothing it cannot decode: unknown fields, oversize bodies, non-finite numbers and foreign kinds are errors.
package report
