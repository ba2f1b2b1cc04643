// Package backend knows the ways in which work is run: a plain Job, or a PyTorchJob of the Kubeflow training-operator. It chooses
// one for a stage, builds its object, reads from observed objects and pods what came of it, and says when to try again. It is pure.
package backend
