package servingpod

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/internal/podwatch"
)

// CaptureTrouble is what the first ready pod says that cannot keep requests as asked; empty when none says so.
func CaptureTrouble(pods []corev1.Pod, reports map[types.UID]Report) string {
	for i := range pods {
		if said := reports[pods[i].UID].Capture; said != nil && said.Trouble != "" && Ready(&pods[i]) {
			return fmt.Sprintf("pod %s: %s", pods[i].Name, podwatch.Cut(said.Trouble))
		}
	}
	return ""
}
