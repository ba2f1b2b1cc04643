// Package gate judges scores by the gates of a model. Each bound gives one finding; a score that is missing or not a number is a
// finding of its own, because "could not measure" is never the same as "measured and bad". The package is pure.
package gate
