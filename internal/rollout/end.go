package rollout

import (
	"fmt"
	"strings"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
)

// retire removes versions that are neither stable nor wanted: the one that was stable before, or a candidate that was given up.
func (d *decision) retire(others fleet.Sets) {
	promoted := d.document.Candidate != nil && d.document.Candidate.Version == d.plan.Stable
	if !promoted && !d.giveUp(others) {
		return
	}
	d.withdraw(promoted)
	if !promoted {
		if missing := d.confirmed(); len(missing) > 0 {
			d.stage(v1alpha1.ReasonDraining, "%s gets no more requests; waiting for %s to confirm it", others, strings.Join(missing, ", "))
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
	d.stage(v1alpha1.ReasonDraining, "%s of %s: last requests are being answered", pods(leaving), others)
}

// withdraw takes away what versions that leave had, but for the share of one that has been promoted.
func (d *decision) withdraw(promoted bool) {
	switch {
	case promoted && d.document.Shadow != nil:
		d.publish(Document{Candidate: d.document.Candidate}, d.plan.Stable+" has taken over")
	case promoted:
	case d.document.names(d.plan.Stable):
		d.clear(d.plan.Stable + " has taken over")
	default:
		d.clear(d.document.version() + " is not wanted any more")
	}
}

// routeBehind says what is missing until the Service sends everything to the stable version; empty when nothing is.
func (d *decision) routeBehind(others fleet.Sets, promoted bool) string {
	for _, s := range others {
		if n := d.facts.Endpoints[s.Version]; n > 0 {
			return fmt.Sprintf("the Service still has %d endpoints of %s", n, s.Version)
		}
	}
	need := d.facts.Replicas
	if d.facts.inPlace() {
		need = min(d.facts.promised(), d.stable.Size())
	}
	if have := d.facts.Endpoints[d.plan.Stable]; promoted && have < need {
		return fmt.Sprintf("%d of %d endpoints of the Service are ready%s", have, need, d.stable.Because())
	}
	return ""
}

// settle is the end of every rollout: one version, and a control document that names no candidate.
func (d *decision) settle() {
	d.clear("the rollout is over")
	ready, why := d.stable.Ready(), d.stable.Because()
	counts := fmt.Sprintf("%d of %d pods of %s are ready%s", ready, d.facts.Replicas, d.plan.Stable, why)
	served, enough := d.served()
	d.plan.Carried = enough || ready > 0 && ready >= d.facts.Replicas
	switch {
	case enough && d.stable.Updating:
		d.stage(v1alpha1.ReasonScaling, "pods of %s are being replaced by ones of the current spec%s", d.plan.Stable, why)
	case enough && d.refused != "":
		d.stage(v1alpha1.ReasonRejected, "%s; %s", served, d.refused)
	case enough:
		d.stage(v1alpha1.ReasonServing, "%s", served)
	case ready > 0:
		d.stage(v1alpha1.ReasonScaling, "%s", counts)
	case d.stable.Count(fleet.PodBroken) > 0:
		d.stage(v1alpha1.ReasonUnavailable, "%s", counts)
	default:
		d.stage(v1alpha1.ReasonStarting, "%s", counts)
	}
}

// served says by how many pods the stable version is served, and whether they are enough.
func (d *decision) served() (text string, enough bool) {
	text, enough = fmt.Sprintf("%s is served by %s", d.plan.Stable, pods(int(d.stable.Ready()))), d.stable.Whole(d.facts.Replicas)
	if !enough && d.facts.Least > 0 && d.stable.Whole(d.facts.Least) && d.stable.Failure() == "" {
		return fmt.Sprintf("%s, %d are wanted", text, d.facts.Replicas), true
	}
	return text, enough
}
