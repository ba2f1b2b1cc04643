// Package s3test runs a real S3 server (Versity's S3 gateway over a folder) for tests of everything that speaks s3://.
// The server is built once from its published Go module into the user's cache folder.
package s3test
