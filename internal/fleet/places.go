package fleet

import (
	"fmt"
	"slices"
)

// PodsFor is how many of all pods carry a share of the requests, in percent: one at least, and never all.
func PodsFor(weight int, all int32) int32 {
	pods := (int64(weight)*int64(all) + 99) / 100
	return int32(min(max(pods, 1), int64(all)-1))
}

// Part is the share that so many of all pods carry, in percent.
func Part(pods, all int32) int { return int(100 * int64(pods) / int64(all)) }

// Places are the pods that the versions of a serving group share: what one has more, another has less, and no more than one pod is missing
// at a time.
type Places struct {
	// All is how many there are.
	All int32
	// Stable is the version that serves.
	Stable Set
	// Sets are all versions that have pods.
	Sets Sets
}

// Size is how many pods a version is to have.
type Size struct {
	Version  string
	Replicas int32
	// Reason says why, for people.
	Reason string
}

// Move is what happens next to the pods.
type Move struct {
	Sizes []Size
	// Waiting says what is waited for; empty when nothing.
	Waiting string
}

// StableSize is how many pods the stable version has when nothing else is decided: what it has, and more where there is room.
func (p Places) StableSize() int32 {
	room := p.All - p.Stable.Count(PodLeaving)
	for _, s := range p.Sets {
		if s.Version != p.Stable.Version {
			room -= s.held()
		}
	}
	return max(min(p.Stable.Size(), p.All), room, 1)
}

// Resize moves one pod between the stable version and another one, towards so many of the other; it waits for nothing when that has them.
func (p Places) Resize(other Set, want int32) Move {
	n, c, s := p.All, other.Size(), p.Stable.Size()
	switch {
	case c > want:
		return p.GiveBack(other, c-1)
	case c == want:
		if s+c > n && p.Stable.Count(PodLeaving) == 0 && p.Spare(other) {
			return Move{Sizes: []Size{{p.Stable.Version, max(s-1, 1), other.Version + " has the others"}}}
		}
		return Move{}
	case s+c < n:
		return p.replace(other)
	case other.Ready() < c || (p.Stable.Ready() < s && !p.Stable.failing()):
		return Move{Waiting: p.Unready(other)}
	}
	return p.makeRoom(other, max(n-c-1, 1))
}

// replace starts a pod of another version in the place that one of the stable version has left.
func (p Places) replace(other Set) Move {
	n, c := p.All, other.Size()
	stays := max(min(p.StableSize(), n-c-1), 1)
	move := p.makeRoom(other, stays)
	if max(p.Stable.held(), stays+p.Stable.Count(PodLeaving))+other.held() >= n {
		return move
	}
	move.Sizes = append(move.Sizes, Size{other.Version, c + 1, "it takes the place of a pod of " + p.Stable.Version})
	move.Waiting = fmt.Sprintf("a pod of %s starts in the place of one of %s", other.Version, p.Stable.Version)
	return move
}

func (p Places) makeRoom(other Set, stays int32) Move {
	return Move{
		Sizes:   []Size{{p.Stable.Version, stays, "a pod makes room for " + other.Version}},
		Waiting: fmt.Sprintf("a pod of %s answers its last requests and makes room", p.Stable.Version),
	}
}

// GiveBack takes pods away from a version once all are ready, so that no more than one is missing. A pod that fails holds nothing up: it
// may be the one that goes.
func (p Places) GiveBack(other Set, left int32) Move {
	if !p.Spare(other) {
		return Move{Waiting: p.Unready(other)}
	}
	if other.Count(PodLeaving) > 0 {
		return Move{Waiting: fmt.Sprintf("a pod of %s answers its last requests", other.Version)}
	}
	return Move{
		Sizes:   []Size{{other.Version, left, "it gives a pod back to " + p.Stable.Version}},
		Waiting: fmt.Sprintf("%s gives a pod back to %s", other.Version, p.Stable.Version),
	}
}

// Spare says whether one pod more may be missing, or get no requests: all are ready, or one fails and holds nothing up.
func (p Places) Spare(other Set) bool {
	return other.Ready()+p.Stable.Ready() >= p.All || other.failing() || p.Stable.failing()
}

// Unready says that no pod may be taken away now.
func (p Places) Unready(other Set) string {
	return fmt.Sprintf("%d of %d pods are ready%s", p.Stable.Ready()+other.Ready(), p.All, p.Stable.Because())
}

// held is how many places the version's pods take: those that are asked for or still there, and those that are leaving.
func (s Set) held() int32 {
	var staying int32
	for _, p := range s.Pods {
		if p.State != PodLeaving && !p.Homeless {
			staying++
		}
	}
	return max(s.Size(), staying) + s.Count(PodLeaving)
}

// failing says whether a pod is not ready for a reason that may last.
func (s Set) failing() bool {
	return slices.ContainsFunc(s.Pods, func(p Pod) bool { return p.State == PodBroken || (p.State == PodStarting && p.Failure != "") })
}
