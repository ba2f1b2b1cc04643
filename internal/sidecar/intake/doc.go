// Package intake bounds what a pod takes on: open connections, requests in flight, the bytes of their bodies and the time these may take to
// arrive; and it knows when the last request has ended, so that a pod can stop without failing one.
package intake
