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
	trouble, said := firstTrouble(pods, reports, func(r Report) *string {
		if r.Catalogue == nil {
			return nil
		}
		return &r.Catalogue.Trouble
	})
	if trouble != "" {
		return metav1.ConditionFalse, v1alpha1.ReasonCatalogueUnreadable, trouble
	}
	if !said {
		return metav1.ConditionUnknown, v1alpha1.ReasonCatalogueUnknown, "no ready pod has said yet whether it can read the catalogue"
	}
	return metav1.ConditionTrue, v1alpha1.ReasonCatalogueRead, "there are garments in the catalogue"
}

// firstTrouble is what the first ready pod says that has trouble with something, empty when none has, and whether any ready pod says how it
// stands. of gives the words of a report; nil when the pod does not speak of it.
func firstTrouble(pods []corev1.Pod, reports map[types.UID]Report, of func(Report) *string) (trouble string, said bool) {
	for i := range pods {
		words := of(reports[pods[i].UID])
		if words == nil || !Ready(&pods[i]) {
			continue
		}
		if said = true; *words != "" {
			return fmt.Sprintf("pod %s: %s", pods[i].Name, podwatch.Cut(*words)), said
		}
	}
	return "", said
}
