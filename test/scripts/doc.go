// Package scripts tests the shell scripts of the repository with stand-ins for the programs that they call.
package scripts
