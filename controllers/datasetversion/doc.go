// Package datasetversion runs the data unit tests of a TryOnDatasetVersion once and records their verdict.
//
//	DataTesting ──► Ready (DataTestsPassed)
//	     │  ▲
//	     │  └─────► DataTestsErrored (tried again, with growing delays)
//	     └────────► DataTestsFailed  (final for this content, these checks and this worker, until the retry annotation)
//
// A report that makes no sense is DataTestsErrored and final in the same way: the same worker would write it again.
// No training pod exists before the verdict is Passed.
package datasetversion
