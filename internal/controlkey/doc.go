// Package controlkey keeps the Ed25519 key that signs control documents. Its private half lives in a Secret of the operator's own
// namespace and never leaves it; serving pods get the public half.
package controlkey
