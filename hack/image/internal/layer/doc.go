// Package layer packs files as image layers that come out the same for the same input: entries in order of their paths, no
// owner names, no access times, and modification times that are constant or not after a given time. A packed layer lives in
// a folder with its digests beside it, so that nothing is compressed or hashed twice.
package layer
