// Package predict learns how long requests take. Predictor gives the service time that a run of some shape will take, out of those that
// were seen; RetryAfter turns a backlog of such times into the header of a refusal. It is pure: times come in as values. The sidecar
// counts its queue with it, and package scale counts in the same seconds.
package predict
