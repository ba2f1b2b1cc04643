// Command registry is an OCI registry with the file system as its only storage.
package main
