// Package artefact is the store of everything the project keeps: weights, checkpoints, golden requests and reports.
//
// It is content-addressed. Bytes live under blobs/sha256/<hex>; a folder (a tree) is the blobs of its files plus one
// canonical manifest blob, whose digest is the tree's identity. Small JSON documents refer to blobs by digest and are
// written last, so whatever a visible document names exists. Nothing becomes visible before its digest was verified:
// uploads and downloads go to a temporary place first and are renamed when they are complete.
//
// What no document names any more is swept (Store.Sweep), by age, so that nobody has to lock the store. What one owner makes
// and drops often, such as the checkpoints of a stage, lies in a private part (Store.Private), where its bytes are shared with
// nothing and go at once.
//
// The store lies in a folder (file:///dir, a mounted claim; see package folder) or in S3 (s3://bucket/prefix?endpoint=…&region=…,
// through gocloud.dev/blob). Everything in it is treated as hostile.
package artefact
