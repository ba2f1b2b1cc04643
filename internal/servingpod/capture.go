package servingpod

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// CaptureTrouble is what the first ready pod says that cannot keep requests as asked; empty when none says so.
func CaptureTrouble(pods []corev1.Pod, reports map[types.UID]Report) string {
	trouble, _ := firstTrouble(pods, reports, func(r Report) *string {
		if r.Capture == nil {
			return nil
		}
		return &r.Capture.Trouble
	})
	return trouble
}
