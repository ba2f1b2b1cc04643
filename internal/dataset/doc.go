// Package dataset turns a folder of try-on data, on a disk or in S3, into a pinned version: a manifest of every file's size
// and sha256 with the pair lists and the layout. The digest of its canonical form is the dataset's identity, the same for
// every source, order of listing and time stamp.
//
// A second pin reads only what changed, by the source's own stamps (ETag; or size, time and inode). Whoever uses the data
// later verifies every byte against the manifest: Fetch copies a version, Open reads single files of one.
//
// All names and bytes are hostile: paths are checked before they are used, and sizes before memory is taken.
package dataset
