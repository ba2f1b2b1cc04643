// Package modelversion brings a TryOnModelVersion from its plan to published weights. What is done is read from recorded results, and
// what runs from Jobs; a key that another version of the namespace has finished is adopted without a Job.
//
//	Pending ──► stage 1 ──► … ──► stage n ──► Evaluating ──► gates ──► Publishing ──► Ready
//	              │                   │           │            │           │
//	              └── Training ───────┘           │            │           └─► PublishFailed (tried again)
//	              │                               │            └─► GateFailed (final)
//	              └─► TrainingFailed (final       └─► EvaluationErrored (tried again)
//	                  until the retry annotation)
//
// While a pod cannot start, the reason of Ready says why: Unschedulable, ImagePullFailed, ContainerNotStarted or QuotaExceeded.
package modelversion
