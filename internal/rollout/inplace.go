package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// inPlace says whether both versions share the pods that the spec asks for. With one pod there would be nobody to serve meanwhile.
func (f Facts) inPlace() bool { return f.InPlace && f.Replicas >= 2 }

// promised is how many pods that requests are sent to are ready throughout a rollout.
func (f Facts) promised() int32 {
	if f.inPlace() {
		return f.Replicas - 1
	}
	return f.Replicas
}

// need is how many pods the candidate has to have for a step: all of them beside the stable version; in place those of its share, one
// for a comparison in shadow, and all but one before it takes everything.
func (f Facts) need(step Step) int32 {
	switch {
	case step.Replay:
		return 0
	case !f.inPlace():
		return f.Replicas
	}
	return f.podsFor(step.Weight)
}

// podsFor is how many pods carry a share in place, and part the share that so many carry, in percent.
func (f Facts) podsFor(weight int) int32 {
	pods := (int64(weight)*int64(f.Replicas) + 99) / 100
	return int32(min(max(pods, 1), int64(f.Replicas)-1))
}

func (f Facts) part(pods int32) int { return int(100 * int64(pods) / int64(f.Replicas)) }

// byPods puts a step before each further pod that the next share takes, so that the share never runs ahead of the pods, nor far behind.
func (f Facts) byPods(steps []Step) []Step {
	var all []Step
	have, weight := int32(0), 0
	for _, step := range steps {
		if step.Weight > 0 {
			pods := f.podsFor(step.Weight)
			for have++; have < pods; have++ {
				if part := f.part(have); part > weight && part < step.Weight {
					all, weight = append(all, Step{Weight: part}), part
				}
			}
			have, weight = pods, step.Weight
		}
		all = append(all, step)
	}
	return all
}

// stableSize is how many pods the stable version has when nothing else is decided: what it has, and more where there is room.
func (d *decision) stableSize() int32 {
	if !d.facts.inPlace() {
		return d.facts.Replicas
	}
	room := d.facts.Replicas - d.stable.count(PodLeaving)
	for _, s := range d.facts.Sets {
		if s.Version != d.plan.Stable {
			room -= s.held()
		}
	}
	return max(min(d.stable.size(), d.facts.Replicas), room, 1)
}

// resize moves one pod between the versions, towards so many of the candidate, and says what is waited for; empty when it has them.
func (d *decision) resize(candidate Set, want int32) (waiting string) {
	n, c, s := d.facts.Replicas, candidate.size(), d.stable.size()
	if !d.facts.inPlace() {
		return ""
	}
	switch {
	case c > want:
		return d.giveBack(candidate, c-1)
	case c == want:
		if s+c > n && d.stable.count(PodLeaving) == 0 && d.spare(candidate) {
			d.keep(d.plan.Stable, max(s-1, 1), candidate.Version+" has the others")
		}
		return ""
	case s+c < n:
		stays := max(min(d.stableSize(), n-c-1), 1)
		d.keep(d.plan.Stable, stays, "a pod makes room for "+candidate.Version)
		if max(d.stable.held(), stays+d.stable.count(PodLeaving))+candidate.held() >= n {
			return fmt.Sprintf("a pod of %s answers its last requests and makes room", d.plan.Stable)
		}
		d.keep(candidate.Version, c+1, "it takes the place of a pod of "+d.plan.Stable)
		return fmt.Sprintf("a pod of %s starts in the place of one of %s", candidate.Version, d.plan.Stable)
	case candidate.Ready() < c || (d.stable.Ready() < s && !d.stable.failing()):
		return d.unready(candidate)
	}
	d.keep(d.plan.Stable, max(n-c-1, 1), "a pod makes room for "+candidate.Version)
	return fmt.Sprintf("a pod of %s answers its last requests and makes room", d.plan.Stable)
}

// unready says that no pod may be taken away now.
func (d *decision) unready(other Set) string {
	ready := d.stable.Ready() + other.Ready()
	return fmt.Sprintf("%d of %d pods are ready%s", ready, d.facts.Replicas, because(d.stable.Failure()))
}

// spare says whether one pod more may be missing, or get no requests: all are ready, or one fails and holds nothing up.
func (d *decision) spare(version Set) bool {
	return version.Ready()+d.stable.Ready() >= d.facts.Replicas || version.failing() || d.stable.failing()
}

// giveBack takes pods away from a version once all are ready, so that no more than one is missing. A pod that fails holds nothing up: it
// may be the one that goes.
func (d *decision) giveBack(version Set, left int32) (waiting string) {
	if !d.spare(version) {
		return d.unready(version)
	}
	if version.count(PodLeaving) > 0 {
		return fmt.Sprintf("a pod of %s answers its last requests", version.Version)
	}
	d.keep(version.Version, left, "it gives a pod back to "+d.plan.Stable)
	return fmt.Sprintf("%s gives a pod back to %s", version.Version, d.plan.Stable)
}

// retreat takes a version back to so many pods: first the share of one, then the pod, then a pod of the stable version starts in its place.
// done is true when nothing is left to do.
func (d *decision) retreat(version Set, floor int32) (done bool) {
	left, share := max(version.size()-1, floor), d.part(version.Version)
	switch {
	case share > 0 && !version.sound():
		d.clear(version.Version + " is not ready any more")
	case share > d.facts.part(left) && !d.spare(version):
		d.stage(v1alpha1.ReasonDraining, "%s keeps %d%% of the requests; %s", version.Version, share, d.unready(version))
		return false
	case share > d.facts.part(left):
		d.publish(d.shareOf(version.Version, d.facts.part(left)), version.Version+" is taken back")
	case share == 0 && d.document.names(version.Version):
		d.clear(version.Version + " is taken back")
	case version.size() <= floor:
		return true
	}
	if missing := d.confirmed(); len(missing) > 0 {
		d.stage(v1alpha1.ReasonDraining, "%s keeps %d%% of the requests; waiting for %s to confirm it", version.Version, d.part(version.Version), strings.Join(missing, ", "))
		return false
	}
	waiting := d.giveBack(version, left)
	d.stage(v1alpha1.ReasonDraining, "%s keeps %d%% of the requests; %s", version.Version, d.part(version.Version), waiting)
	return false
}

// giveUp takes versions back that are not wanted, as far as to one pod without a share.
func (d *decision) giveUp(others []Set) (done bool) {
	if !d.facts.inPlace() {
		return true
	}
	for _, s := range others {
		if s.size() > 1 && !d.retreat(s, 1) {
			return false
		}
		if d.part(s.Version) > 0 && !d.spare(s) {
			d.stage(v1alpha1.ReasonDraining, "%s keeps %d%% of the requests; %s", s.Version, d.part(s.Version), d.unready(s))
			return false
		}
	}
	return true
}

func (d *decision) shareOf(version string, weight int) Document {
	if weight == 0 {
		return Document{}
	}
	return Document{Candidate: &Share{Version: version, Weight: weight}}
}

// part is a version's share in the control document.
func (d *decision) part(version string) int {
	weight, _ := d.document.given(version)
	return weight
}

// size is how many pods the Deployment asks for.
func (s Set) size() int32 {
	if !s.Deployed {
		return 0
	}
	return s.Replicas
}

// held is how many places the version's pods take: those that are asked for or still there, and those that are leaving.
func (s Set) held() int32 {
	var staying int32
	for _, p := range s.Pods {
		if p.State != PodLeaving && !p.Homeless {
			staying++
		}
	}
	return max(s.size(), staying) + s.count(PodLeaving)
}

// failing says whether a pod is not ready for a reason that may last.
func (s Set) failing() bool {
	return slices.ContainsFunc(s.Pods, func(p Pod) bool { return p.State == PodBroken || (p.State == PodStarting && p.Failure != "") })
}
