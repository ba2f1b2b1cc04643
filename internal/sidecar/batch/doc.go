// Package batch asks the model server, for one try-on or for those that waited together: when the model server becomes free, requests of the same
// shape go in as one run. A request that finds it idle goes in at once, alone: nobody is held for company.
//
// One of several must not spoil the others' answers: a run that the model server answers with an error is asked again one by one, and a member whose
// client has gone is left out, or its answer thrown away.
package batch
