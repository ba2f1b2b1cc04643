package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/names"
)

const (
	// pollEvery is how often pods are asked while something waits for their answer; reports cannot be watched.
	pollEvery = time.Second
	// judgeEvery is how often the evidence is looked at while a candidate is compared in shadow.
	judgeEvery = 5 * time.Second
	// weighEvery is how often the pods are asked what came of forwarded requests; the status is written as often.
	weighEvery = 10 * time.Second
)

// Decide plans the next moves.
func Decide(facts Facts, now time.Time) Plan {
	d := &decision{facts: facts, now: now, document: facts.Control}
	d.plan.Stable = facts.stable()
	if d.plan.Stable == "" {
		d.stage(v1alpha1.ReasonVersionNotReady, "there is no version to serve yet")
		return d.plan
	}
	d.stable = facts.Sets.Of(d.plan.Stable)
	d.aim()
	d.secureDocument()
	d.keep(d.plan.Stable, d.stableSize(), "it is the stable version")
	d.add(Intent{Verb: Route, Version: d.plan.Stable, Reason: "it is the stable version"})
	switch others := d.facts.Sets.Besides(d.plan.Stable, d.facts.Wanted); {
	case len(others) > 0:
		d.retire(others)
	case d.facts.Wanted != "" && d.facts.Wanted != d.plan.Stable:
		d.shift()
	default:
		d.settle()
	}
	if d.document.Shadow != nil || d.plan.Replay {
		d.recheck(judgeEvery)
	}
	if c := d.document.Candidate; c != nil && c.Version == d.plan.Candidate {
		d.recheck(weighEvery)
	}
	d.plan.Weight, d.plan.Shadow = d.document.given(d.plan.Candidate)
	return d.plan
}

// given are a version's share and its sample in shadow, in percent.
func (d Document) given(version string) (weight, shadow int) {
	if c := d.Candidate; c != nil && c.Version == version {
		weight = c.Weight
	}
	if s := d.Shadow; s != nil && s.Version == version {
		shadow = s.Percent
	}
	return weight, shadow
}

// decision is a plan in the making. document is the control document as it will be when the plan so far is carried out.
type decision struct {
	facts    Facts
	now      time.Time
	stable   fleet.Set
	document Document
	plan     Plan
	// refused is why the version that the spec asks for is not tried; empty when it is.
	refused string
	// published is the index of the Publish intent; its document may still be replaced.
	published *int
}

// aim settles which version is moved to. A pause keeps to the one that is on its way, and a rejected one is not tried again.
func (d *decision) aim() {
	f := &d.facts
	if r := f.Record; f.Command == Pause && r != nil && f.Sets.Of(r.Version).Deployed {
		f.Wanted = r.Version
	}
	if why, rejected := f.Rejected[f.Wanted]; rejected && f.Wanted != d.plan.Stable {
		d.refused = fmt.Sprintf("%s is not tried again: %s; for another attempt change the spec or the annotation %s", f.Wanted, why, names.RetryAnnotation)
		f.Wanted = d.plan.Stable
	}
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

// keep plans how many pods a version has. What an earlier part of the decision thought of it is replaced.
func (d *decision) keep(version string, replicas int32, reason string) {
	intent := Intent{Verb: Keep, Version: version, Replicas: replicas, Reason: reason}
	for i := range d.plan.Intents {
		if d.plan.Intents[i].Verb == Keep && d.plan.Intents[i].Version == version {
			d.plan.Intents[i] = intent
			return
		}
	}
	if d.facts.Buildable[version] {
		d.add(intent)
	}
}

// publish plans a new control document. One pass publishes one generation, whatever its parts think of it.
func (d *decision) publish(content Document, reason string) {
	d.document = Document{Generation: d.facts.highest() + 1, Candidate: content.Candidate, Shadow: content.Shadow}
	intent := Intent{Verb: Publish, Version: d.plan.Stable, Document: d.document, Reason: reason}
	if d.published != nil {
		d.plan.Intents[*d.published] = intent
		return
	}
	index := len(d.plan.Intents)
	d.published = &index
	d.add(intent)
	d.recheck(pollEvery)
}

// clear takes every share and every comparison away.
func (d *decision) clear(reason string) {
	if !d.document.empty() {
		d.publish(Document{}, reason)
	}
}

// secureDocument makes sure that a control document exists and is not behind what pods have seen, which they would refuse.
func (d *decision) secureDocument() {
	switch {
	case d.facts.highest() == 0:
		d.publish(Document{}, "it is the first one")
	case d.document.Generation == 0:
		d.publish(Document{}, "the one before is gone")
	case d.facts.highest() > d.document.Generation:
		d.publish(d.document, "a pod has seen a later one")
	}
}

// confirmed says whether every ready stable pod applies the control document; if not it plans to push it again.
func (d *decision) confirmed() (missing []string) {
	missing = d.stable.Unconfirmed(d.document.Generation)
	if len(missing) > 0 {
		if d.published == nil {
			d.add(Intent{Verb: Push, Version: d.plan.Stable, Document: d.document, Reason: "not confirmed by " + strings.Join(missing, ", ")})
		}
		d.recheck(pollEvery)
	}
	return missing
}

func pods(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }
