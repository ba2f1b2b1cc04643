// Package metricstest reads the operator's counters in tests of those who count.
package metricstest
