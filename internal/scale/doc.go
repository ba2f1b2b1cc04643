// Package scale decides how many replicas of a deployment there should be. It is pure: Decide takes the settings, the facts of one
// look at the pods and what was remembered of earlier looks, and gives one number with its reason.
//
// Everything is counted in seconds of work. A second of work keeps one whole pod busy for one second, so work that arrives at 3.2
// seconds per second needs 3.2 pods, and a pod with 8 seconds of it in its queue makes the next request wait for 8 seconds. Of requests
// that a sidecar runs at once each is its share of the time. (Utilisation cannot take this place: it ends at 100 percent, and a pod
// that is offered five times what it can do looks like one that is just full.)
//
// Two figures are asked for, and the larger one counts:
//
//	carry = arrivals / utilisation                   what the arrivals need in the long run
//	drain = (B + arrivals·H) / (target + H)          what brings the backlog B back to its target within the horizon H
//
// B is not the backlog of now but the one that there will be when a pod that is ordered now has started: until then only the ready
// pods and those that are on their way work on it. So pods are never ordered twice, and none is ordered for a backlog that is gone
// before it could help.
//
//	                       arrivals over the stable window need more      ──► LoadRose   out
//	                       arrivals over the burst window overload
//	                       all pods that are there or coming              ──► Burst      out
//	every need of the delay would be met by fewer, all pods were heard    ──► LoadFell   in
//	anything else                                                         ──► the present number stays
//
// A manager that restarts has no memory, and no memory is safe: nothing is changed before a burst window was seen, and nothing is
// taken away before the whole scale-down delay was seen without a gap.
//
// Scaling to zero is not supported: with no pod there is nobody who could hold a request until one has started. MinReplicas below 1 is
// an error of Settings.Check and counts as 1.
//
// What pods say is hostile. A reading that is not a number, negative, stale or from the future is no reading; the others are limited to
// what a pod can physically have, and then winsorised against each other (see winsorised).
package scale
