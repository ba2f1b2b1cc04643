// Package support says whether this machine and user can run the local cluster. It is the only one that compiles
// everywhere.
package support
