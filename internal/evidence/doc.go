// Package evidence is what a stable pod tells the operator about a candidate that it compared itself with in shadow: a Report of totals
// since the pod began, and the Ledger in which the operator adds up the reports of all pods. It is pure, and both ends are built on it.
//
// Totals, not increments: a report may be lost, repeated or late without harm, and a restarted manager goes on from its ledger. Package sequential
// needs no more than totals for rates and means; for latencies it also needs to know what came before what, which the ledger tells it by adding
// each report's growth as a block when it is accepted.
//
// Pods are not trusted. A report that is impossible, replayed, of another epoch, from the future, or that grew faster than a pod can compare is
// dropped and counted, and what was accepted before stays as it was.
package evidence
