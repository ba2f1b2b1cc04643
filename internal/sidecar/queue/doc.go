// Package queue bounds the runs in the model server and the requests that wait for one, in the order in which they came, each no longer than its
// deadline. Everything is counted in seconds of work, of which one keeps the whole model server busy for a second: package predict learns how many
// of them a run of some shape is, the backlog is what lies before a request that comes now, and Load is what scaling looks at.
//
//	queue.go   who waits, who is refused, whose turn it is
//	gather.go  which of those who wait share a run
//	run.go     a run in the model server
//	meter.go   how much work came and was done over the last seconds
package queue
