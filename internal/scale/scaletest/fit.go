package scaletest

import "time"

// fit makes pods, or takes them away, until there are as many as wanted.
func (r *Run) fit() {
	staying := int32(0)
	for _, p := range r.pods {
		if !p.leaving {
			staying++
		}
	}
	for ; staying < r.Wanted; staying++ {
		r.serial++
		slow := 0.9 + 0.2*r.random.Float64()
		r.pods = append(r.pods, &pod{serial: r.serial, created: r.now, ready: r.now + seconds(r.StartUp.Seconds()*slow)})
	}
	for ; staying > r.Wanted; staying-- {
		r.leave(r.last(), r.now)
	}
	kept := r.pods[:0]
	for _, p := range r.pods {
		if !p.leaving {
			kept = append(kept, p)
		}
	}
	r.pods = kept
}

// last is the pod that a ReplicaSet removes first: one that is not ready, else the one that became ready last.
func (r *Run) last() *pod {
	var last *pod
	for _, p := range r.pods {
		if !p.leaving && (last == nil || p.ready > last.ready) {
			last = p
		}
	}
	return last
}

// leave takes a pod out of the Service. It still answers what it took, and costs until then.
func (r *Run) leave(p *pod, now time.Duration) {
	p.leaving = true
	r.ReplicaSeconds += (max(now, p.free) - p.created).Seconds()
}
