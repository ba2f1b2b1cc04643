package rollout_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/braincreators/tryon-operator/internal/fleet"
)

// advance lets a second pass.
func (w *world) advance() {
	w.now = w.now.Add(time.Second)
	for _, name := range w.names() {
		s := w.sets[name]
		w.live(s)
		if !s.deployed && len(s.pods) == 0 {
			delete(w.sets, name)
		}
	}
	w.follow()
	w.compare()
	w.forward()
	w.work()
}

func (w *world) live(s *deployment) {
	// Those that are not ready go first.
	slices.SortStableFunc(s.pods, func(a, b *pod) int { return rank(a) - rank(b) })
	kept := s.pods[:0]
	staying := int32(0)
	for _, p := range s.pods {
		if p.State != fleet.PodLeaving && staying >= s.replicas {
			p.State, p.leaveAt, w.touched = fleet.PodLeaving, w.now.Add(drainTime), true
		}
		if p.State == fleet.PodLeaving && !w.now.Before(p.leaveAt) {
			w.touched = true
			continue
		}
		if p.State != fleet.PodLeaving {
			staying++
			w.grow(s.version, p)
		}
		kept = append(kept, p)
	}
	s.pods = kept
	for ; staying < s.replicas; staying++ {
		w.serial++
		s.pods = append(s.pods, &pod{born: w.now, Pod: fleet.Pod{
			Name: fmt.Sprintf("%s-%d", s.version, w.serial), State: fleet.PodStarting, Since: w.now,
		}})
		w.touched = true
	}
}

// full says whether no node has room for another pod.
func (w *world) full() bool {
	taken := 0
	for _, s := range w.sets {
		for _, p := range s.pods {
			if p.placed {
				taken++
			}
		}
	}
	return w.places > 0 && taken >= w.places
}

func rank(p *pod) int {
	if p.State == fleet.PodReady {
		return 0
	}
	return 1
}

// grow lets a pod get on by its version's nature, and lets the kubelet bring it the ConfigMap.
func (w *world) grow(version string, p *pod) {
	n := w.natures[version]
	if !p.placed && w.full() {
		n.homeless = true
	} else if !p.placed && p.Homeless && !n.homeless {
		p.placed, p.born, p.Failure, p.Homeless, w.touched = true, w.now, "", false, true
	} else if !n.homeless {
		p.placed = true
	}
	age := w.now.Sub(p.born)
	switch {
	case n.homeless && p.State == fleet.PodStarting && age >= 2*time.Second && p.Failure == "":
		p.Failure, p.Homeless, w.touched = "Pod "+p.Name+" finds no node: 0/1 nodes are available: 1 Insufficient cpu", true, true
	case n.homeless && p.Homeless:
	case n.failure != "" && p.State != fleet.PodBroken && age >= n.readyAfter:
		p.State, p.Failure, p.Since, w.touched = fleet.PodBroken, n.failure, w.now, true
	case n.failure == "" && p.State != fleet.PodReady && age >= n.readyAfter:
		p.State, p.Failure, p.Since, w.touched = fleet.PodReady, "", w.now, true
		p.Homeless = false
		if !w.deaf[p.Name] {
			p.Reported, p.Generation = true, max(p.Generation, w.control.Generation)
		}
	}
	if p.State == fleet.PodReady && !w.deaf[p.Name] && w.now.Sub(w.writtenAt) >= propagateTime {
		p.Reported, p.Generation = true, max(p.Generation, w.control.Generation)
	}
}

// follow lets the endpoints follow selectors and pods.
func (w *world) follow() {
	next := map[string]int32{}
	for _, s := range w.sets {
		ready := int32(0)
		for _, p := range s.pods {
			if p.State == fleet.PodReady {
				ready++
			}
		}
		if s.endpoints != ready {
			s.endpoints, w.touched = ready, true
		}
		if s.version == w.routed && ready > 0 {
			next[s.version] = ready
		}
	}
	if fmt.Sprint(next) == fmt.Sprint(w.endpoints) {
		w.lag = 0
		return
	}
	if w.lag++; w.lag > endpointLag {
		w.endpoints, w.touched, w.lag = next, true, 0
	}
}

func (w *world) readyRouted() int32 {
	s := w.sets[w.routed]
	if s == nil {
		return 0
	}
	return fleet.Set{Pods: podsOf(s)}.Ready()
}

func podsOf(s *deployment) []fleet.Pod {
	var all []fleet.Pod
	for _, p := range s.pods {
		all = append(all, p.Pod)
	}
	return all
}
