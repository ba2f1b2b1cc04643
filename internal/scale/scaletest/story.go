package scaletest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Story tells what happened: every change of replicas and of reason, and how it ended.
func (r *Run) Story() string {
	var b strings.Builder
	reason := ""
	for _, p := range r.Looks {
		if p.Remark != "" {
			fmt.Fprintf(&b, "%7s  * %s\n", clock(p.At), p.Remark)
		}
		if p.Wanted == p.Was && string(p.Decision.Reason) == reason {
			continue
		}
		reason = string(p.Decision.Reason)
		replicas := fmt.Sprintf("%d", p.Wanted)
		if p.Wanted != p.Was {
			replicas = fmt.Sprintf("%d -> %d", p.Was, p.Wanted)
		}
		fmt.Fprintf(&b, "%7s  %s, %s: %s\n", clock(p.At), replicas, reason, p.Decision.Message)
	}
	fmt.Fprintf(&b, "%7s  %d requests, %d refused; 95%% started within %.1f s; %.0f replica-seconds; out %d times, in %d times\n",
		clock(r.Length), len(r.Waits), r.Refused, r.P95(), r.ReplicaSeconds, r.Changes(+1), r.Changes(-1))
	return b.String()
}

func clock(t time.Duration) string { return t.Round(time.Second).String() }

// P95 is the time within which 95 of 100 requests started.
func (r *Run) P95() float64 {
	if len(r.Waits) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.Waits))
	return sorted[(len(sorted)-1)*95/100]
}

// Changes counts the decisions for more (+1) or fewer (-1) replicas.
func (r *Run) Changes(direction int32) int {
	n := 0
	for _, p := range r.Looks {
		if (p.Wanted-p.Was)*direction > 0 {
			n++
		}
	}
	return n
}
