// Package names is the one place where names of children, labels and annotation keys are made. It is pure: the same owner
// always gets the same children, so a name is never looked up and a second reconcile finds what the first one made.
package names
