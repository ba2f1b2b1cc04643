// Package tryonmodel follows a TryOnModel from its manifest to a version that may be served. It pins the dataset, records its
// content as a TryOnDatasetVersion that models share, and once that has passed its data unit tests records a plan as the next
// TryOnModelVersion. The controllers of those two kinds do the rest; what they say is lifted up into the model's conditions.
//
//	Pinning ──► DataTesting ──► version N+1: Training ──► Evaluating ──► Publishing ──► Ready
//	   │             │                          │             │
//	   └ PinFailed   └ DataTestsFailed          └ …Failed     └ GateFailed
//
// A new version is made when the plan differs from the newest one's; an older one that is still at work stops by itself (Superseded). Going back to an older plan makes a new version too, whose
// stages are all adopted: the newest version that passed is always the one that the spec asks for.
package tryonmodel
