// Package runner is the plumbing that the controllers share for work in Jobs: it lists what runs for an object, starts what a
// decision asks for, and makes sure that the artefact store is there first. It decides nothing itself.
package runner
