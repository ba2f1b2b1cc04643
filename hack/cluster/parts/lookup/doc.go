// Command lookup waits until the host that its argument names can be resolved. The training operator starts the workers
// of a job with it; upstream uses a shell of an image from a public registry for that.
package main
