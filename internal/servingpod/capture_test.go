package servingpod_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

func TestWordsAboutCapturesAreThoseOfReadyPods(t *testing.T) {
	pod := func(name, mark string, state corev1.ConditionStatus) corev1.Pod {
		return servingpodtest.Pod(name, "v1", servingpodtest.Readiness(state, 0), func(p *corev1.Pod) {
			p.UID, p.Annotations = types.UID(name), map[string]string{names.AnnotationCaptures: mark}
		})
	}
	pods := []corev1.Pod{
		pod("a", "here", corev1.ConditionTrue), pod("b", "here", corev1.ConditionTrue), pod("starting", "here", corev1.ConditionFalse), pod("other", "there", corev1.ConditionTrue),
	}
	said := func(trouble string, held bool) servingpod.Report {
		return servingpod.Report{Capture: &control.Capture{Trouble: trouble, Held: held}}
	}
	type words = servingpod.CaptureWords
	for name, test := range map[string]struct {
		reports map[types.UID]servingpod.Report
		want    words
	}{
		"all can":                   {map[types.UID]servingpod.Report{"a": said("", false), "b": said("", false)}, words{Usable: true}},
		"all could":                 {map[types.UID]servingpod.Report{"a": said("", true), "b": said("", true)}, words{Usable: true, Held: true}},
		"nobody says":               {map[types.UID]servingpod.Report{"a": {}}, words{}},
		"one cannot":                {map[types.UID]servingpod.Report{"a": said("", true), "b": said("AccessDenied", true)}, words{Trouble: "pod b: AccessDenied", Usable: true, Held: true}},
		"none could":                {map[types.UID]servingpod.Report{"a": said("NoSuchBucket", true)}, words{Trouble: "pod a: NoSuchBucket", Held: true}},
		"who may write has written": {map[types.UID]servingpod.Report{"a": said("AccessDenied", false)}, words{Trouble: "pod a: AccessDenied", Usable: true}},
		"one is not ready":          {map[types.UID]servingpod.Report{"starting": said("", true)}, words{}},
		"one is of another place":   {map[types.UID]servingpod.Report{"other": said("", false)}, words{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, servingpod.Capture(pods, test.reports, "here")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	long := map[types.UID]servingpod.Report{"a": said(strings.Repeat("x", 4000), false)}
	if got := servingpod.Capture(pods, long, "here").Trouble; len(got) > 2000 {
		t.Errorf("a long story has %d bytes", len(got))
	}
}
