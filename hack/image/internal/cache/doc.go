// Package cache keeps directories that are expensive to make, named by what they were made from. An entry appears whole or
// not at all: it is made beside its place under a lock and renamed into it, so a killed build leaves nothing that a later
// one would trust, and two builds at once make it only once.
package cache
