// Package quality measures a try-on answer without knowing the right one: cheap proxies of what can go wrong (a copied
// photo, another garment, a changed face, lost arms, a black frame), computed from the request, the answer and the graph's
// by-products. docs/quality.md says what each sees, what it is blind to, and how well, measured.
//
// The proxies are for comparing versions over many requests; one answer's proxies barely predict its error and are no score
// of quality. Only the hard faults and a reference of golden answers turn them into a verdict on one answer.
//
// Everything works on packed 8-bit pixels at the network's resolution, in time linear in the pixels, and knows neither files,
// nor networks, nor the clock.
package quality
