// Package shadow puts requests that this pod has answered to a candidate as well, off the live path, and counts how the two answers compare.
//
// A request's way: Offer takes a reference to its tensors into a bounded ring and returns at once; one goroutine asks the candidate's Service
// for the same try-on (ask.go), compares both answers (compare.go), and adds the pair to the epoch's totals, which Report gives to the
// operator. Whatever the candidate does, including nothing, can only fill the ring, and a full ring drops and counts.
//
// Tensors at the network's resolution and the seed leave the pod, to the candidate's Service; no header of the shopper does.
package shadow
