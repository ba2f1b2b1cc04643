package capacity

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/scale"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// Look is what one look at a TryOnDeployment found.
type Look struct {
	Now time.Time
	// Stable is the version that serves, and Present the replicas in its Deployment's spec; 0 when there is none.
	Stable  string
	Present int32
	// Control is the document that the pods apply.
	Control control.Document
	// InPlace says that the versions of a rollout share one number of pods.
	InPlace bool
	// Pods of every version, and what those that were asked and answered said, by UID.
	Pods    []corev1.Pod
	Reports map[types.UID]servingpod.Report
}

// facts are the look in the words of package scale.
func (l Look) facts(heard map[types.UID]scale.Reading, wanted int32) scale.Facts {
	f := scale.Facts{Now: l.Now, Wanted: wanted}
	candidate := ""
	if c := l.Control.Candidate; c != nil && c.Weight > 0 && c.Version != l.Stable {
		candidate = c.Version
	}
	for i := range l.Pods {
		p := &l.Pods[i]
		if !p.DeletionTimestamp.IsZero() || servingpod.Finished(p) {
			continue
		}
		switch version := p.Labels[names.LabelModelVersion]; {
		case version == names.LabelValue(l.Stable), candidate != "" && l.InPlace && version == names.LabelValue(candidate):
			f.Pods = append(f.Pods, podOf(p, heard))
		case candidate != "" && version == names.LabelValue(candidate):
			f.Others = append(f.Others, podOf(p, heard))
		}
	}
	return f
}

// takingOver says whether a version has just taken over while the pods of the one before it are still there. They may take the room that
// more pods would need, and leave only when the new version has all that it is promised.
func (l Look) takingOver() bool {
	c := l.Control.Candidate
	return c != nil && c.Version == l.Stable && slices.ContainsFunc(l.Pods, func(p corev1.Pod) bool {
		return p.Labels[names.LabelModelVersion] != names.LabelValue(l.Stable) && p.DeletionTimestamp.IsZero() && !servingpod.Finished(&p)
	})
}

func podOf(p *corev1.Pod, heard map[types.UID]scale.Reading) scale.Pod {
	pod := scale.Pod{Name: p.Name, Created: p.CreationTimestamp.Time, ReadyAt: servingpod.ReadySince(p)}
	if reading, ok := heard[p.UID]; ok {
		pod.Reading = &reading
	}
	return pod
}

// hear gives the newest reading of each pod that is still there, with those of this look.
func (l Look) hear(before map[types.UID]scale.Reading) map[types.UID]scale.Reading {
	heard := map[types.UID]scale.Reading{}
	for i := range l.Pods {
		uid := l.Pods[i].UID
		if reading, ok := before[uid]; ok {
			heard[uid] = reading
		}
		if load := l.Reports[uid].Load; load != nil {
			heard[uid] = scale.Reading{At: l.Now, Backlog: load.BacklogSeconds, Arrivals: load.ArrivalsPerSecond, Busy: load.Busy}
		}
	}
	return heard
}
