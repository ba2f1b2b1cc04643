package scale

import "time"

// Reason is why there are to be so many replicas.
type Reason string

const (
	// ReasonSteady: the present number is the right one.
	ReasonSteady Reason = "Steady"
	// ReasonLoadRose: the arrivals of the stable window need more.
	ReasonLoadRose Reason = "LoadRose"
	// ReasonBurst: what arrives now overloads all pods that are there or on their way.
	ReasonBurst Reason = "Burst"
	// ReasonAtMaximum: more would be needed than maxReplicas allows.
	ReasonAtMaximum Reason = "AtMaximum"
	// ReasonDelayed: fewer would be enough now, but not yet for the whole scale-down delay.
	ReasonDelayed Reason = "ScaleInDelayed"
	// ReasonRequested: fewer would be enough for the load, and somebody asked for so many within the scale-down delay.
	ReasonRequested Reason = "Requested"
	// ReasonLoadFell: fewer were enough for the whole scale-down delay.
	ReasonLoadFell Reason = "LoadFell"
	// ReasonReadingsMissing: a ready pod is silent, and nothing is taken away on missing data.
	ReasonReadingsMissing Reason = "ReadingsMissing"
	// ReasonNoPodReady: no pod is ready, so nothing is known about the load.
	ReasonNoPodReady Reason = "NoPodReady"
	// ReasonWatching: the load has not been watched for long enough to change anything, as after a restart of the manager.
	ReasonWatching Reason = "Watching"
	// ReasonBounds: the present number was outside minReplicas and maxReplicas.
	ReasonBounds Reason = "Bounds"
)

// Decision is how many replicas there are to be.
type Decision struct {
	// Replicas is always within the bounds of the settings.
	Replicas int32
	Reason   Reason
	// Message is a sentence with the figures, for people. The figures move with every look: write it where a change of Replicas or
	// Reason is written, not for its own sake.
	Message string
	// RecheckAfter is when to look again.
	RecheckAfter time.Duration
}

const (
	// While something moves the looks are close enough to fill a burst window, otherwise often enough to keep readings fresh.
	recheckMoving = 2 * time.Second
	recheckCalm   = 5 * time.Second
)
