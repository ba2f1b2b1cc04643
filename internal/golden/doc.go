// Package golden keeps golden requests: try-on requests with the answers that the evaluated runtime gave. They travel with the
// weights, and a pod is ready only when its runtime answers them as recorded.
package golden
