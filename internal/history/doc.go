// Package history keeps what a TryOnDeployment remembers of its versions: which served when, and which were taken back. It is bounded,
// and compares with what was remembered last, so that a change which a killed manager did not write down is not lost.
package history
