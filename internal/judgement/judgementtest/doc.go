// Package judgementtest plays whole judgements for tests of their reports: shoppers' traffic, ledger, verdict and golden sets, all made
// by the code that makes them in a cluster.
package judgementtest
