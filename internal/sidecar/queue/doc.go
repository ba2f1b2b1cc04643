// Package queue bounds the runs in the model server and the requests that wait for one, in the order in which they came, each no longer than its
// deadline. It learns how long a run takes and predicts the backlog from it.
package queue
