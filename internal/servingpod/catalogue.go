package servingpod

import (
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
	said := 0
	for i := range pods {
		found := reports[pods[i].UID].Catalogue
		if found == nil || !Ready(&pods[i]) {
			continue
		}
		said++
		if found.Trouble != "" {
			return metav1.ConditionFalse, v1alpha1.ReasonCatalogueUnreadable, fmt.Sprintf("pod %s: %s", pods[i].Name, podwatch.Cut(found.Trouble))
		}
	}
	if said == 0 {
		return metav1.ConditionUnknown, v1alpha1.ReasonCatalogueUnknown, "no ready pod has said yet whether it can read the catalogue"
	}
	return metav1.ConditionTrue, v1alpha1.ReasonCatalogueRead, "there are garments in the catalogue"
}
