// Package worker is the command table of tryon-worker: the work that pods do between the controllers' decisions.
//
// Every subcommand reads one strictly decoded task (see internal/task), leaves documents in the artefact store and ends with
// one envelope (see internal/report). synth, pin and test also take plain flags, for a person on a laptop.
package worker
