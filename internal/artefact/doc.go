// Package artefact is the store of everything the project keeps: weights, checkpoints, golden requests and reports.
//
// It is content-addressed. Bytes live under blobs/sha256/<hex>; a folder (a tree) is the blobs of its files plus one
// canonical manifest blob, whose digest is the tree's identity. Small JSON documents refer to blobs by digest and are
// written last, so whatever a visible document names exists. Nothing becomes visible before its digest was verified:
// uploads and downloads go to a temporary place first and are renamed when they are complete.
//
// The store lies in a folder (file:///dir, a mounted claim) or in S3 (s3://bucket/prefix?endpoint=…&region=…), through
// gocloud.dev/blob. Everything read from it is treated as hostile.
package artefact
