// Package cluster brings the local Kubernetes up, down and to a sudden end.
//
// Everything that it writes lies in one state folder, marked as its own. What cannot lie there (links, nftables tables,
// cgroups, kernel settings, a few folders with fixed paths) is looked at before the first start and written down in the
// state, so that going down restores what was and removes only what was made.
package cluster
