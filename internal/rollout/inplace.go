package rollout

import (
	"strings"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/fleet"
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
	return fleet.PodsFor(step.Weight, f.Replicas)
}

// byPods puts a step before each further pod that the next share takes, so that the share never runs ahead of the pods, nor far behind.
func (f Facts) byPods(steps []Step) []Step {
	var all []Step
	have, weight := int32(0), 0
	for _, step := range steps {
		if step.Weight > 0 {
			pods := fleet.PodsFor(step.Weight, f.Replicas)
			for have++; have < pods; have++ {
				if part := fleet.Part(have, f.Replicas); part > weight && part < step.Weight {
					all, weight = append(all, Step{Weight: part}), part
				}
			}
			have, weight = pods, step.Weight
		}
		all = append(all, step)
	}
	return all
}

// places are what the versions share in place.
func (d *decision) places() fleet.Places {
	return fleet.Places{All: d.facts.Replicas, Stable: d.stable, Sets: d.facts.Sets}
}

// stableSize is how many pods the stable version has when nothing else is decided.
func (d *decision) stableSize() int32 {
	if !d.facts.inPlace() {
		return d.facts.Replicas
	}
	return d.places().StableSize()
}

// resize moves one pod between the versions, towards so many of the candidate, and says what is waited for; empty when it has them.
func (d *decision) resize(candidate fleet.Set, want int32) (waiting string) {
	if !d.facts.inPlace() {
		return ""
	}
	return d.move(d.places().Resize(candidate, want))
}

func (d *decision) move(m fleet.Move) (waiting string) {
	for _, s := range m.Sizes {
		d.keep(s.Version, s.Replicas, s.Reason)
	}
	return m.Waiting
}

// retreat takes a version back to so many pods: first the share of one, then the pod, then a pod of the stable version starts in its place.
// done is true when nothing is left to do.
func (d *decision) retreat(version fleet.Set, floor int32) (done bool) {
	left, share := max(version.Size()-1, floor), d.part(version.Version)
	switch {
	case share > 0 && !version.Sound():
		d.clear(version.Version + " is not ready any more")
	case share > fleet.Part(left, d.facts.Replicas) && !d.places().Spare(version):
		d.stage(v1alpha1.ReasonDraining, "%s keeps %d%% of the requests; %s", version.Version, share, d.places().Unready(version))
		return false
	case share > fleet.Part(left, d.facts.Replicas):
		d.publish(d.shareOf(version.Version, fleet.Part(left, d.facts.Replicas)), version.Version+" is taken back")
	case share == 0 && d.document.names(version.Version):
		d.clear(version.Version + " is taken back")
	case version.Size() <= floor:
		return true
	}
	if missing := d.confirmed(); len(missing) > 0 {
		d.stage(v1alpha1.ReasonDraining, "%s keeps %d%% of the requests; waiting for %s to confirm it", version.Version, d.part(version.Version), strings.Join(missing, ", "))
		return false
	}
	waiting := d.move(d.places().GiveBack(version, left))
	d.stage(v1alpha1.ReasonDraining, "%s keeps %d%% of the requests; %s", version.Version, d.part(version.Version), waiting)
	return false
}

// giveUp takes versions back that are not wanted, as far as to one pod without a share.
func (d *decision) giveUp(others fleet.Sets) (done bool) {
	if !d.facts.inPlace() {
		return true
	}
	for _, s := range others {
		if s.Size() > 1 && !d.retreat(s, 1) {
			return false
		}
		if d.part(s.Version) > 0 && !d.places().Spare(s) {
			d.stage(v1alpha1.ReasonDraining, "%s keeps %d%% of the requests; %s", s.Version, d.part(s.Version), d.places().Unready(s))
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
