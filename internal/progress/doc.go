// Package progress says the progress of a rollout in the words of the API, and reads it back into those of package rollout: the steps of the
// spec, the control document, and what the status records. It is pure.
package progress
