package servingpod_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

func TestTroubleWithCapturesIsThatOfAReadyPod(t *testing.T) {
	pod := func(name string, state corev1.ConditionStatus) corev1.Pod {
		return servingpodtest.Pod(name, "v1", servingpodtest.Readiness(state, 0), func(p *corev1.Pod) { p.UID = types.UID(name) })
	}
	pods := []corev1.Pod{pod("a", corev1.ConditionTrue), pod("b", corev1.ConditionTrue), pod("starting", corev1.ConditionFalse)}
	said := func(trouble string) servingpod.Report {
		return servingpod.Report{Capture: &control.Capture{Trouble: trouble}}
	}
	long := strings.Repeat("x", 4000)
	for name, test := range map[string]struct {
		reports map[types.UID]servingpod.Report
		want    string
	}{
		"all can":               {map[types.UID]servingpod.Report{"a": said(""), "b": said("")}, ""},
		"nobody says":           {map[types.UID]servingpod.Report{"a": {}}, ""},
		"one cannot":            {map[types.UID]servingpod.Report{"a": said(""), "b": said("AccessDenied")}, "pod b: AccessDenied"},
		"one is not ready":      {map[types.UID]servingpod.Report{"starting": said("AccessDenied")}, ""},
		"a long story is short": {map[types.UID]servingpod.Report{"a": said(long)}, "pod a: x"},
	} {
		t.Run(name, func(t *testing.T) {
			got := servingpod.CaptureTrouble(pods, test.reports)
			if !strings.HasPrefix(got, test.want) || (test.want == "") != (got == "") || len(got) > 2000 {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
