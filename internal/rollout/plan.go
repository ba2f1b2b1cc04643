package rollout

import "time"

// Verb says what an intent does.
type Verb string

const (
	// Keep makes the Deployment and the Service of Version exist, with Replicas pods.
	Keep Verb = "keep"
	// Route makes the Service of the whole serving group select Version.
	Route Verb = "route"
	// Publish writes Document into the ConfigMap and pushes it to the pods of Version.
	Publish Verb = "publish"
	// Push sends Document, which is in the ConfigMap already, to the pods of Version again.
	Push Verb = "push"
	// Retire deletes the Deployment and the Service of Version; its pods drain.
	Retire Verb = "retire"
)

// Intent is one thing to do. Intents are carried out in order, and carrying out the first few of a plan only is always safe.
type Intent struct {
	Verb     Verb
	Version  string
	Replicas int32
	Document Document
	// Reason says why, for people.
	Reason string
}

// Plan is what has to be done now, and how the rollout stands.
type Plan struct {
	// Stable is the version that the Service selects when the plan is carried out.
	Stable string
	// Candidate is the version that takes over; empty when there is none.
	Candidate string
	// Weight is the candidate's share when the plan is carried out, and Shadow the percentage of requests that it answers once more.
	Weight, Shadow int
	// Stage is a reason of the API's condition Ready.
	Stage string
	// Carried says that no rollout is under way and the stable version has as many ready pods as are promised, whatever else is going on.
	Carried bool
	// Message says more about the stage, for people. It changes only when something did.
	Message string
	// Intents in order.
	Intents []Intent
	// Replay says that a Job that compares the candidate with the stable version has to be there, and is removed otherwise.
	Replay bool
	// Rejection has to be kept, so that the version is not tried again; nil when none is rejected now.
	Rejection *Rejection
	// Record has to be kept until the next look; nil when there is nothing to keep.
	Record *Record
	// RecheckAfter is when to look again although nothing that is watched has changed; 0 for never.
	RecheckAfter time.Duration
}

// Rejection is a candidate that is given up.
type Rejection struct {
	Version string
	// Reason is one of the API's: Rejected, RolledBack, ForwardsFailed, Aborted.
	Reason string
	// Message says why, for people.
	Message string
}
