package scaletest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale"
)

// Backlog scales with package scale.
type Backlog struct {
	Settings scale.Settings
	Memory   scale.Memory
}

// Scale decides.
func (b *Backlog) Scale(f scale.Facts) scale.Decision {
	var d scale.Decision
	d, b.Memory = scale.Decide(b.Settings, f, b.Memory)
	return d
}

// Utilisation scales as a HorizontalPodAutoscaler (autoscaling/v2) with its default behaviour does on the pods' utilisation: a look
// every 15 s; desired = ceil(replicas · utilisation / target), unless that is within 10 % of what there is; pods that are not ready count
// as idle when it scales out; at most twice or 4 more per 15 s; in by the highest figure of the last 5 minutes.
// Source: kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale.
type Utilisation struct {
	Min, Max int32
	Target   float64

	desired []recommendation
}

type recommendation struct {
	at       time.Time
	replicas int32
}

const (
	hpaPeriod     = 15 * time.Second
	hpaTolerance  = 0.1
	hpaStabilizes = 5 * time.Minute
)

// Scale decides.
func (u *Utilisation) Scale(f scale.Facts) scale.Decision {
	to := u.stabilized(f, u.recommend(f))
	if to > f.Wanted {
		to = min(to, max(2*f.Wanted, f.Wanted+4))
	}
	to = min(max(to, u.Min), u.Max)
	return scale.Decision{Replicas: to, Reason: "Utilisation", Message: fmt.Sprintf("%d replicas", to), RecheckAfter: hpaPeriod * 2 / 3}
}

func (u *Utilisation) recommend(f scale.Facts) int32 {
	ready, busy := 0, 0.0
	for _, p := range f.Pods {
		if p.Reading != nil {
			ready++
			busy += p.Reading.Busy
		}
	}
	if ready == 0 {
		return f.Wanted
	}
	ratio, over := busy/float64(ready)/u.Target, float64(ready)
	if ratio > 1 && len(f.Pods) > ready {
		ratio, over = busy/float64(len(f.Pods))/u.Target, float64(len(f.Pods))
		if ratio <= 1 {
			return f.Wanted
		}
	}
	if math.Abs(ratio-1) <= hpaTolerance {
		return f.Wanted
	}
	return int32(math.Ceil(ratio * over))
}

// stabilized is the highest recommendation of the last minutes, as far as it means fewer replicas. What there is at the first look counts
// as one, as in Kubernetes.
func (u *Utilisation) stabilized(f scale.Facts, replicas int32) int32 {
	if u.desired == nil {
		u.desired = []recommendation{{f.Now, f.Wanted}}
	}
	u.desired = append(u.desired, recommendation{f.Now, replicas})
	u.desired = slices.DeleteFunc(u.desired, func(r recommendation) bool { return f.Now.Sub(r.at) > hpaStabilizes })
	for _, r := range u.desired {
		replicas = max(replicas, r.replicas)
	}
	return replicas
}
