// Package share deals an exact share of requests: to a candidate, to a comparison, to what is captured.
package share
