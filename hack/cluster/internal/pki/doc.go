// Package pki makes the certificates and keys of the local cluster and keeps them in a folder.
package pki
