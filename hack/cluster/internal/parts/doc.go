// Package parts builds the programs of the local cluster out of published Go modules and keeps them in a cache.
// A finished build is one folder that appears by a rename, so a build that was killed is never mistaken for one.
package parts
