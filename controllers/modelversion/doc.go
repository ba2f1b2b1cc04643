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
// Work that could not run is tried again by itself. Work that ran to its end without a result, or an evaluation without the score
// that a gate needs, is recorded and done again when the retry annotation asks.
//
// An unfinished version whose model has a newer one is Superseded: each version reads that from its siblings, so nobody writes into
// another controller's objects. Its Jobs are deleted; what it finished is adopted by the newer one where the keys are equal, and an
// interrupted stage of an equal key goes on there from its last checkpoint. A version that is Ready, failed, held by a deployment, or
// asked for by its number is left as it is.
//
// While a pod cannot start, the reason of Ready says why: Unschedulable, ImagePullFailed, ContainerNotStarted,
// QuotaExceeded or PodRefused.
package modelversion
