package servingpod_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

func TestACatalogueIsReadableWhenNoReadyPodSaysOtherwise(t *testing.T) {
	pod := func(name string, state corev1.ConditionStatus) corev1.Pod {
		return servingpodtest.Pod(name, "v1", servingpodtest.Readiness(state, 0), func(p *corev1.Pod) { p.UID = types.UID(name) })
	}
	pods := []corev1.Pod{pod("a", corev1.ConditionTrue), pod("b", corev1.ConditionTrue), pod("starting", corev1.ConditionFalse)}
	said := func(trouble string) servingpod.Report {
		return servingpod.Report{Catalogue: &control.Catalogue{Trouble: trouble}}
	}
	for name, test := range map[string]struct {
		reports map[types.UID]servingpod.Report
		state   metav1.ConditionStatus
		reason  string
		message string
	}{
		"all can":          {map[types.UID]servingpod.Report{"a": said(""), "b": said("")}, metav1.ConditionTrue, v1alpha1.ReasonCatalogueRead, "there are garments"},
		"one is silent":    {map[types.UID]servingpod.Report{"a": said(""), "b": {}}, metav1.ConditionTrue, v1alpha1.ReasonCatalogueRead, "there are garments"},
		"one cannot":       {map[types.UID]servingpod.Report{"a": said(""), "b": said("NoSuchBucket")}, metav1.ConditionFalse, v1alpha1.ReasonCatalogueUnreadable, "pod b: NoSuchBucket"},
		"a long complaint": {map[types.UID]servingpod.Report{"a": said(strings.Repeat("x", 4000))}, metav1.ConditionFalse, v1alpha1.ReasonCatalogueUnreadable, "…"},
		"nobody says":      {map[types.UID]servingpod.Report{"a": {}}, metav1.ConditionUnknown, v1alpha1.ReasonCatalogueUnknown, "no ready pod"},
		"one that is not ready does not count": {
			map[types.UID]servingpod.Report{"starting": said("NoSuchBucket")}, metav1.ConditionUnknown, v1alpha1.ReasonCatalogueUnknown, "no ready pod",
		},
	} {
		t.Run(name, func(t *testing.T) {
			state, reason, message := servingpod.Catalogue(pods, test.reports)
			if state != test.state || reason != test.reason || !strings.Contains(message, test.message) || len(message) > 2000 {
				t.Errorf("%s %s: %s", state, reason, message)
			}
		})
	}
}
