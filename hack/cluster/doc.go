// Command cluster runs a real Kubernetes with one node on this machine, built from published Go modules.
// The README beside it says how.
package main
