package scale

import "math"

// sizing knows how many pods some arrivals need, given what is seen now. Numbers of pods are fractions until a decision rounds them up.
type sizing struct {
	Settings
	sight
}

// need is the larger one of what the arrivals need in the long run and what the backlog needs.
func (z sizing) need(arrivals float64) float64 {
	return max(arrivals/z.Utilisation, z.drain(arrivals))
}

// drain is how many pods bring the backlog back to its target within the horizon. m pods that have started take a backlog B down to
// B + (arrivals-m)·H, which is to be at most m times the target: solved for m.
func (z sizing) drain(arrivals float64) float64 {
	horizon := z.StableWindow.Seconds()
	return (z.projected(arrivals) + arrivals*horizon) / (z.TargetBacklog.Seconds() + horizon)
}

// projected is the backlog that there will be when a pod that is ordered now has started.
func (z sizing) projected(arrivals float64) float64 {
	lead := z.startUp.Seconds()
	done := float64(z.ready) * lead
	for _, wait := range z.coming {
		done += lead - min(wait, z.startUp).Seconds()
	}
	// What does not fit into the pods' queues is refused and comes back as arrivals, if at all.
	full := float64(z.ready+len(z.coming)) * z.MaxBacklog.Seconds()
	return clamp(z.backlog+arrivals*lead-done, 0, full)
}

// pods rounds up, forgiving what is only an error of rounding.
func pods(need float64) int32 {
	const least, beyond = 0, 1 << 30
	return int32(clamp(math.Ceil(need-1e-9), least, beyond))
}
