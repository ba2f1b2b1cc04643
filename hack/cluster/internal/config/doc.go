// Package config says how the local cluster is put together: its addresses, folders, certificates, configuration files
// and the programs with their arguments. It is pure but for writing the files; starting programs is the caller's work.
package config
