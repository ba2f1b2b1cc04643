// Package tryondeployment serves a version of a model and moves to the next one without a failed request.
//
// What it does next is decided by package rollout, whose documentation has the state machine; this package collects the facts, carries
// out the intents and writes the status. The reason of Ready is the rollout's stage, unless the model has no version to serve:
//
//	ModelNotFound | VersionNotReady ──► Starting ──► Serving ⇄ CandidateStarting ──► Shadowing ──► Shifting ──► Promoting ──► Draining ──► Serving
//	                                                   │ └── CandidateFailed ──┘           └────────────┴──► Draining ──► Rejected
//	                                                   └── Paused, from and back to any stage of a candidate
//
// How many pods there are package capacity says, what they can carry package fleet. While a candidate is compared, package judging collects
// what is counted about it, and its verdict is one of the facts. Of a judgement that has ended a Job makes a report (package reporting),
// which changes nothing about the rollout.
//
// Which version is stable is read from the Service's selector and which share the candidate has from the control ConfigMap, both past
// the cache, so that a pass never works from an older truth than its predecessor wrote.
package tryondeployment
