package servingpod

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/names"
)

// CaptureWords is what ready pods say of the place in which they keep requests.
type CaptureWords struct {
	// Trouble is what the first one says that cannot keep requests as asked; empty when none says so.
	Trouble string
	// Usable says that one can use the place, or does so already; Held, that one has no permit yet.
	Usable, Held bool
}

// Capture gives the words of the ready pods whose place has a mark.
func Capture(pods []corev1.Pod, reports map[types.UID]Report, mark string) CaptureWords {
	var words CaptureWords
	mine := func(p *corev1.Pod) *control.Capture {
		if p.Annotations[names.AnnotationCaptures] != mark || !Ready(p) {
			return nil
		}
		return reports[p.UID].Capture
	}
	for i := range pods {
		if said := mine(&pods[i]); said != nil {
			words.Held = words.Held || said.Held
			words.Usable = words.Usable || !said.Held || said.Trouble == ""
			words.Trouble = cmp.Or(words.Trouble, troubleOf(&pods[i], said.Trouble))
		}
	}
	return words
}
