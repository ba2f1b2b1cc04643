// Command pause holds a pod's namespaces open and reaps its orphans.
package main
