// Package modelserver is the model server of this pod as the sidecar sees it: whether it is up and answers the golden requests as the evaluated
// model did, one try-on asked of it, and requests of the inference protocol relayed to it.
package modelserver
