package fleet

import (
	"slices"
	"strings"
	"time"
)

// PodState says what a serving pod can do.
type PodState string

const (
	// PodStarting has never been ready.
	PodStarting PodState = "Starting"
	// PodReady takes requests.
	PodReady PodState = "Ready"
	// PodBroken crashed, cannot start, or was ready and is not any more.
	PodBroken PodState = "Broken"
	// PodLeaving is being deleted.
	PodLeaving PodState = "Leaving"
)

// Pod is one serving pod.
type Pod struct {
	Name  string
	State PodState
	// Since is when it became ready or stopped being so.
	Since time.Time
	// Failure is a sentence on why it is not ready; empty when nothing is wrong yet.
	Failure string
	// Homeless says that no node has room for it.
	Homeless bool
	// Reported says whether the pod answered which control document it applies: that of Generation.
	Reported   bool
	Generation int64
}

// Set is one version's Deployment with its pods.
type Set struct {
	Version string
	// Deployed says whether the Deployment exists, and Replicas how many pods it asks for.
	Deployed bool
	Replicas int32
	// Pods with this version's labels, also those that outlived their Deployment.
	Pods []Pod
	// Endpoints counts the ready endpoints of the version's own Service.
	Endpoints int32
	// Stalled is a sentence on why the Deployment does not get on; empty when it does.
	Stalled string
	// Updating says that pods of an earlier spec are still being replaced.
	Updating bool
}

// Ready counts the pods that take requests.
func (s Set) Ready() int32 { return s.Count(PodReady) }

// Count counts the pods in a state.
func (s Set) Count(state PodState) int32 {
	var n int32
	for _, p := range s.Pods {
		if p.State == state {
			n++
		}
	}
	return n
}

// Size is how many pods the Deployment asks for.
func (s Set) Size() int32 {
	if !s.Deployed {
		return 0
	}
	return s.Replicas
}

// Whole says whether the version can carry the promised capacity.
func (s Set) Whole(replicas int32) bool {
	return s.Deployed && s.Ready() >= replicas && s.Count(PodBroken) == 0
}

// Sound says whether a version that has a share may keep it: pods that are still starting, because of a larger replica count or
// a drained node, do no harm; a pod that failed does.
func (s Set) Sound() bool {
	return s.Deployed && s.Ready() > 0 && s.Count(PodBroken) == 0
}

// Failure says why the version does not get ready; empty when nothing is wrong.
func (s Set) Failure() string {
	for _, p := range s.Pods {
		if p.State != PodLeaving && p.State != PodReady && p.Failure != "" {
			return p.Failure
		}
	}
	return s.Stalled
}

// Because is the failure behind a colon, for the end of a sentence; empty when nothing is wrong.
func (s Set) Because() string {
	if failure := s.Failure(); failure != "" {
		return ": " + failure
	}
	return ""
}

// Homeless says whether a pod finds no node.
func (s Set) Homeless() bool {
	return slices.ContainsFunc(s.Pods, func(p Pod) bool { return p.State != PodLeaving && p.Homeless })
}

// Down says since when no pod takes requests; ok is false when one does.
func (s Set) Down() (since time.Time, ok bool) {
	for _, p := range s.Pods {
		if p.State == PodReady {
			return time.Time{}, false
		}
		if p.State != PodLeaving && p.Since.After(since) {
			since = p.Since
		}
	}
	return since, true
}

// Unconfirmed are the ready pods that have not reported the given generation, by name.
func (s Set) Unconfirmed(generation int64) []string {
	var missing []string
	for _, p := range s.Pods {
		if p.State == PodReady && (!p.Reported || p.Generation != generation) {
			missing = append(missing, p.Name)
		}
	}
	slices.Sort(missing)
	return missing
}

// Sets are the versions of a serving group that have a Deployment or pods.
type Sets []Set

// Of is the set of a version; an empty one when it has neither Deployment nor pods.
func (s Sets) Of(version string) Set {
	for _, set := range s {
		if set.Version == version {
			return set
		}
	}
	return Set{Version: version}
}

// Besides are the other versions that still have something, in order of their names.
func (s Sets) Besides(versions ...string) Sets {
	others := slices.DeleteFunc(slices.Clone(s), func(set Set) bool {
		return slices.Contains(versions, set.Version) || (!set.Deployed && len(set.Pods) == 0)
	})
	slices.SortFunc(others, func(a, b Set) int { return strings.Compare(a.Version, b.Version) })
	return others
}

// Fittest is the deployed version with the most ready pods; empty when none is deployed.
func (s Sets) Fittest() Set {
	best := Set{}
	for _, set := range s {
		if set.Deployed && (best.Version == "" || set.Ready() > best.Ready()) {
			best = set
		}
	}
	return best
}

// Heard says that every ready pod answered: those of a node that was lost are ready for the better part of a minute, and fail what is sent to them.
func (s Set) Heard() bool {
	return !slices.ContainsFunc(s.Pods, func(p Pod) bool { return p.State == PodReady && !p.Reported })
}

// Reported is the highest generation of a control document that a pod reports, of those that are believed; 0 when none does.
func (s Sets) Reported(believed int64) int64 {
	var high int64
	for _, set := range s {
		for _, p := range set.Pods {
			if p.Reported && p.Generation <= believed {
				high = max(high, p.Generation)
			}
		}
	}
	return high
}

// String names the versions.
func (s Sets) String() string {
	all := make([]string, 0, len(s))
	for _, set := range s {
		all = append(all, set.Version)
	}
	return strings.Join(all, ", ")
}
