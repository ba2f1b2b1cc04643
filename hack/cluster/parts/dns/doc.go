// Command dns is a CoreDNS with only the plugins that the local cluster uses.
package main
