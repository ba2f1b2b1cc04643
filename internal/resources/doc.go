// Package resources builds the pods and Jobs that do the work: pin, data-test, stage, evaluate and publish. Builders are pure: the
// same input gives the same object. Every pod keeps to the restricted Pod Security Standard, mounts no service account token and
// has a read-only root file system; what it has to do travels as one JSON document in the environment of its container.
package resources
