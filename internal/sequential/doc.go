// Package sequential judges a candidate model version against the stable one on live traffic, with statistics that stay valid however
// often they are looked at. It is pure: sums in, a verdict out.
//
// Every question is put to a gambler who starts with one unit of money and bets on each request at odds that would be fair, or worse than
// fair, if the candidate were exactly as bad as the gate's margin allows. Under that hypothesis the gambler's wealth is a non-negative
// supermartingale, so the probability that it EVER reaches 1/α is at most α (Ville's inequality). Wealth of 1/α against "the candidate is at
// the margin or worse" is the right to promote; wealth of 1/α against "the candidate is at the margin or better" is the right to reject.
// The margins that have not been refuted form a confidence sequence: an interval that covers the truth at all times at once.
//
// All bets are fixed before the first request (stakes in wealth.go), so the wealth depends on the requests only through totals: neither the
// order of blocks, nor their sizes, nor the times of the looks can matter, and the state of a rollout is nothing but merged blocks.
//
// Sources: Ville 1939; Howard, Ramdas, McAuliffe and Sekhon 2021 (time-uniform bounds); Waudby-Smith and Ramdas 2024 (betting); Howard and
// Ramdas 2022 (quantiles). docs/statistics.md explains the method and shows how it was checked.
package sequential
