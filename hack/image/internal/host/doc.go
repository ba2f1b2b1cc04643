// Package host runs programs of this machine, and asks apt for those that are missing.
package host
