package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

const (
	// pollEvery is how often pods are asked while something waits for their answer; reports cannot be watched.
	pollEvery = time.Second
	// takeOverAfter is how long no stable pod is ready before a candidate takes over without steps.
	takeOverAfter = time.Minute
)

// Decide plans the next moves.
func Decide(facts Facts, now time.Time) Plan {
	d := &decision{facts: facts, now: now, document: facts.Control}
	d.plan.Stable = facts.stable()
	if d.plan.Stable == "" {
		d.stage(v1alpha1.ReasonVersionNotReady, "there is no version to serve yet")
		return d.plan
	}
	d.stable = facts.set(d.plan.Stable)
	d.secureDocument()
	d.keep(d.plan.Stable, "it is the stable version")
	d.add(Intent{Verb: Route, Version: d.plan.Stable, Reason: "it is the stable version"})
	switch others := facts.others(d.plan.Stable); {
	case len(others) > 0:
		d.retire(others)
	case facts.Wanted != "" && facts.Wanted != d.plan.Stable:
		d.shift()
	default:
		d.settle()
	}
	if d.document.Candidate != nil && d.document.Candidate.Version == d.plan.Candidate {
		d.plan.Weight = d.document.Candidate.Weight
	}
	return d.plan
}

// decision is a plan in the making. document is the control document as it will be when the plan so far is carried out.
type decision struct {
	facts    Facts
	now      time.Time
	stable   Set
	document Document
	plan     Plan
	// published is the index of the Publish intent; its document may still be replaced.
	published *int
}

func (d *decision) add(i Intent) { d.plan.Intents = append(d.plan.Intents, i) }

func (d *decision) stage(reason, format string, args ...any) {
	d.plan.Stage, d.plan.Message = reason, fmt.Sprintf(format, args...)
}

func (d *decision) recheck(after time.Duration) {
	if d.plan.RecheckAfter == 0 || after < d.plan.RecheckAfter {
		d.plan.RecheckAfter = max(after, time.Millisecond)
	}
}

func (d *decision) keep(version, reason string) {
	if d.facts.Buildable[version] {
		d.add(Intent{Verb: Keep, Version: version, Replicas: d.facts.Replicas, Reason: reason})
	}
}

// publish plans a new control document. One pass publishes one generation, whatever its parts think of it.
func (d *decision) publish(candidate *Share, reason string) {
	if d.published != nil {
		d.document.Candidate = candidate
		d.plan.Intents[*d.published].Document = d.document
		d.plan.Intents[*d.published].Reason = reason
		return
	}
	d.document = Document{Generation: d.facts.highest() + 1, Candidate: candidate}
	index := len(d.plan.Intents)
	d.published = &index
	d.add(Intent{Verb: Publish, Version: d.plan.Stable, Document: d.document, Reason: reason})
	d.recheck(pollEvery)
}

// secureDocument makes sure that a control document exists and is not behind what pods have seen, which they would refuse.
func (d *decision) secureDocument() {
	switch {
	case d.document.Generation == 0:
		d.publish(nil, "there is no control document")
	case d.facts.highest() > d.document.Generation:
		d.publish(d.document.Candidate, "a pod has seen a later one")
	}
}

// confirmed says whether every ready stable pod applies the control document; if not it plans to push it again.
func (d *decision) confirmed() (missing []string) {
	missing = d.stable.unconfirmed(d.document.Generation)
	if len(missing) > 0 {
		if d.published == nil {
			d.add(Intent{Verb: Push, Version: d.plan.Stable, Document: d.document, Reason: "not confirmed by " + strings.Join(missing, ", ")})
		}
		d.recheck(pollEvery)
	}
	return missing
}

// retire removes versions that are neither stable nor wanted: the one that was stable before, or a candidate that was given up.
func (d *decision) retire(others []Set) {
	promoted := d.document.Candidate != nil && d.document.Candidate.Version == d.plan.Stable
	if !promoted {
		if d.document.Candidate != nil {
			d.publish(nil, d.document.Candidate.Version+" is not wanted any more")
		}
		if missing := d.confirmed(); len(missing) > 0 {
			d.stage(v1alpha1.ReasonDraining, "%s gets no more requests; waiting for %s to confirm it", versions(others), strings.Join(missing, ", "))
			return
		}
	}
	if behind := d.routeBehind(others, promoted); behind != "" {
		d.stage(v1alpha1.ReasonPromoting, "%s takes over: %s", d.plan.Stable, behind)
		return
	}
	var leaving int
	for _, s := range others {
		leaving += len(s.Pods)
		if s.Deployed {
			d.add(Intent{Verb: Retire, Version: s.Version, Reason: "all requests go to " + d.plan.Stable})
		}
	}
	d.stage(v1alpha1.ReasonDraining, "%s of %s: last requests are being answered", pods(leaving), versions(others))
}

// routeBehind says what is missing until the Service sends everything to the stable version; empty when nothing is.
func (d *decision) routeBehind(others []Set, promoted bool) string {
	for _, s := range others {
		if n := d.facts.Endpoints[s.Version]; n > 0 {
			return fmt.Sprintf("the Service still has %d endpoints of %s", n, s.Version)
		}
	}
	if have := d.facts.Endpoints[d.plan.Stable]; promoted && have < d.facts.Replicas {
		return fmt.Sprintf("%d of %d endpoints of the Service are ready%s", have, d.facts.Replicas, because(d.stable.Failure()))
	}
	return ""
}

// settle is the end of every rollout: one version, and a control document that names no candidate.
func (d *decision) settle() {
	if d.document.Candidate != nil {
		d.publish(nil, "the rollout is over")
	}
	ready, failure := d.stable.Ready(), d.stable.Failure()
	counts := fmt.Sprintf("%d of %d pods of %s are ready%s", ready, d.facts.Replicas, d.plan.Stable, because(failure))
	switch {
	case d.stable.whole(d.facts.Replicas) && d.stable.Updating:
		d.stage(v1alpha1.ReasonScaling, "pods of %s are being replaced by ones of the current spec%s", d.plan.Stable, because(failure))
	case d.stable.whole(d.facts.Replicas):
		d.stage(v1alpha1.ReasonServing, "%s is served by %s", d.plan.Stable, pods(int(ready)))
	case ready > 0:
		d.stage(v1alpha1.ReasonScaling, "%s", counts)
	case d.stable.count(PodBroken) > 0:
		d.stage(v1alpha1.ReasonUnavailable, "%s", counts)
	default:
		d.stage(v1alpha1.ReasonStarting, "%s", counts)
	}
}

func because(failure string) string {
	if failure == "" {
		return ""
	}
	return ": " + failure
}

func pods(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}

func versions(sets []Set) string {
	all := make([]string, 0, len(sets))
	for _, s := range sets {
		all = append(all, s.Version)
	}
	return strings.Join(all, ", ")
}
