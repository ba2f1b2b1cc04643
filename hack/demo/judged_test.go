package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
)

func TestAShadowStepShowsWhatItsGatesHaveFound(t *testing.T) {
	shadowing := &v1alpha1.TryOnDeployment{Status: v1alpha1.TryOnDeploymentStatus{
		Candidate: &v1alpha1.CandidateStatus{Version: "tops-v2"},
		Judgement: &v1alpha1.JudgementStatus{Candidate: "tops-v2", Gates: []v1alpha1.GateStatus{
			{Metric: v1alpha1.LiveArtefacts, Max: ptr.To[v1alpha1.Decimal]("0.04"), Estimate: ptr.To[v1alpha1.Decimal]("0.3010"), Have: ptr.To[int64](143), Need: ptr.To[int64](310)},
			{Metric: v1alpha1.LiveLatency, Max: ptr.To[v1alpha1.Decimal]("1.10"), Estimate: ptr.To[v1alpha1.Decimal]("1.0200"), Have: ptr.To[int64](90)},
		}},
	}}
	empty := shadowing.DeepCopy()
	empty.Status.Judgement.Gates = []v1alpha1.GateStatus{{Metric: v1alpha1.LiveErrors, Have: ptr.To[int64](0)}}
	stale := shadowing.DeepCopy()
	stale.Status.Judgement.Candidate = "tops-v1"
	tests := map[string]struct {
		deployment *v1alpha1.TryOnDeployment
		reason     string
		want       string
	}{
		"evidence":         {shadowing, v1alpha1.ReasonShadowing, "tops-v2 in shadow: 143 of about 310 pairs, artefacts +30.1 % (at most +4.0 %); 90 pairs, p95 x1.02 (at most x1.10)"},
		"no evidence":      {empty, v1alpha1.ReasonShadowing, "tops-v2 in shadow: 0 pairs"},
		"another question": {stale, v1alpha1.ReasonShadowing, "Shadowing  because"},
		"another stage":    {shadowing, v1alpha1.ReasonShifting, "Shifting  because"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := rolloutNote(test.deployment, test.reason, "because"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestOnlyTheReportOfTheVersionsOwnJudgementIsFetched(t *testing.T) {
	report := &v1alpha1.ReportReference{URI: "judgements/ab/report.json"}
	for name, test := range map[string]struct {
		judgement *v1alpha1.JudgementStatus
		want      string
	}{
		"none yet":           {nil, ""},
		"not reported yet":   {&v1alpha1.JudgementStatus{Candidate: "tops-v2"}, ""},
		"an earlier version": {&v1alpha1.JudgementStatus{Candidate: "tops-v1", Report: report}, ""},
		"its own":            {&v1alpha1.JudgementStatus{Candidate: "tops-v2", Report: report}, report.URI},
	} {
		t.Run(name, func(t *testing.T) {
			tod := &v1alpha1.TryOnDeployment{Status: v1alpha1.TryOnDeploymentStatus{Judgement: test.judgement}}
			if got := judged(tod, "tops-v2"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestADecisionIsToldWithItsReason(t *testing.T) {
	entries := []v1alpha1.HistoryEntry{
		{Version: "tops-v2", Reason: v1alpha1.ReasonRejected, Message: "artefact-rate-difference is 0.2, between 0.05 and 0.4 after 125 requests: worse than the margin 0.04"},
	}
	want := []string{"tops-v2 rejected: artefact-rate-difference is 0.2, between 0.05 and 0.4 after 125 requests: worse than the margin 0.04"}
	if diff := cmp.Diff(want, decisionLines(entries)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	tod := &v1alpha1.TryOnDeployment{Status: v1alpha1.TryOnDeploymentStatus{History: entries}}
	if got, want := firstSentence(decisionOn(tod, "tops-v2")), "tops-v2 rejected: artefact-rate-difference is 0.2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := decisionOn(tod, "tops-v3"), "tops-v3: undecided"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheSampleModelHasWhatTheDemoReplaces(t *testing.T) {
	d := &demo{options: options{root: apitest.Root(t)}}
	body, err := d.sample("tryonmodel.yaml")
	if err != nil {
		t.Fatal(err)
	}
	changed, err := reworded(body, [][2]string{{"name: " + baseMethod, "name: other"}, {`minGain: "` + sampleGain, `minGain: "0.05`}})
	if err != nil {
		t.Fatal(err)
	}
	var model v1alpha1.TryOnModel
	if err := yaml.UnmarshalStrict(changed, &model); err != nil {
		t.Fatal(err)
	}
	if model.Spec.Method.Name != "other" || *model.Spec.Evaluation.Gates[0].MinGain != "0.05" {
		t.Errorf("got %+v", model.Spec)
	}
	if _, err := reworded(body, [][2]string{{"nowhere", ""}}); err == nil {
		t.Error("what is not there was replaced without an error")
	}
}
