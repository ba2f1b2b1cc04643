// Package likeness finds pictures that look like others seen before, by their fingerprints, without comparing each with each.
package likeness
