package servingpod

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/podwatch"
)

// Look is how often the ready pods of a deployment with a catalogue, or that keeps requests, are asked about it, when nothing else has them
// asked: nobody tells when a bucket stops to be usable.
const Look = time.Minute

// Catalogue says whether the ready pods of a deployment can read its garments, with the reason and the message of CatalogueReadable. One
// pod that cannot is enough: its shoppers are refused.
func Catalogue(pods []corev1.Pod, reports map[types.UID]Report) (state metav1.ConditionStatus, reason, message string) {
	trouble, said := "", false
	for i := range pods {
		if c := reports[pods[i].UID].Catalogue; c != nil && Ready(&pods[i]) {
			trouble, said = cmp.Or(trouble, troubleOf(&pods[i], c.Trouble)), true
		}
	}
	if trouble != "" {
		return metav1.ConditionFalse, v1alpha1.ReasonCatalogueUnreadable, trouble
	}
	if !said {
		return metav1.ConditionUnknown, v1alpha1.ReasonCatalogueUnknown, "no ready pod has said yet whether it can read the catalogue"
	}
	return metav1.ConditionTrue, v1alpha1.ReasonCatalogueRead, "there are garments in the catalogue"
}

// troubleOf says whose trouble it is; empty for none.
func troubleOf(pod *corev1.Pod, words string) string {
	if words == "" {
		return ""
	}
	return fmt.Sprintf("pod %s: %s", pod.Name, podwatch.Cut(words))
}
