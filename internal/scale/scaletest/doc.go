// Package scaletest is a world in memory for scaling: requests arrive at random (an open model: nobody waits for an answer before
// asking again), a Service spreads them over the ready pods, pods work on one request at a time and take a while to start. It is a
// discrete-event simulation with a fixed seed, so a story always ends the same way. It serves the tests of package scale, and
// bench/scale, which draws it and compares scalers in it.
package scaletest
