package reporting

import (
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

const key = v1alpha1.Digest("sha256:1a2b3c4d00000000000000000000000000000000000000000000000000000000")

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// rejected is a deployment whose candidate was rejected at noon.
func rejected() *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{Status: v1alpha1.TryOnDeploymentStatus{
		Judgement: &v1alpha1.JudgementStatus{Epoch: "e1", Candidate: "tops-v2", SinceTime: ptr.To(metav1.NewTime(noon.Add(-time.Hour)))},
		History:   []v1alpha1.HistoryEntry{{Version: "tops-v2", Reason: v1alpha1.ReasonRejected, Time: ptr.To(metav1.NewTime(noon))}},
	}}
}

func TestAReportIsDueOnceAJudgementHasEndedForADay(t *testing.T) {
	for name, tt := range map[string]struct {
		change   func(*v1alpha1.TryOnDeployment)
		compared string
		after    time.Duration
		want     bool
	}{
		"at once":            {func(*v1alpha1.TryOnDeployment) {}, "", 0, true},
		"while pods compare": {func(*v1alpha1.TryOnDeployment) {}, "e1", 0, false},
		"while pods compare for the next judgement": {func(*v1alpha1.TryOnDeployment) {}, "e2", 0, true},
		"after a day":       {func(*v1alpha1.TryOnDeployment) {}, "", 25 * time.Hour, false},
		"once it is made":   {func(d *v1alpha1.TryOnDeployment) { d.Status.Judgement.Report = &v1alpha1.ReportReference{} }, "", 0, false},
		"before it ended":   {func(d *v1alpha1.TryOnDeployment) { d.Status.History = nil }, "", 0, false},
		"without judgement": {func(d *v1alpha1.TryOnDeployment) { d.Status.Judgement = nil }, "", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			tod := rejected()
			tt.change(tod)
			if got := Ended(tod, tt.compared, noon.Add(tt.after)) != nil; got != tt.want {
				t.Errorf("due: %t, want %t", got, tt.want)
			}
		})
	}
}

// envelope of a good report, changed.
func envelope(t *testing.T, change func(*report.Envelope)) report.Envelope {
	t.Helper()
	e, err := report.New(report.KindJudgement, string(key), report.Passed, report.JudgementSummary{Pairs: 600, Looks: 40, Shared: 4, Shown: 4})
	if err != nil {
		t.Fatal(err)
	}
	e.Report = &report.Reference{URI: task.JudgementFolder(string(key)) + "report.json", Digest: string(key)}
	if change != nil {
		change(&e)
	}
	return e
}

func TestOnlyAReportOfThisJudgementGetsIntoTheStatus(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*report.Envelope)
		want   string
	}{
		"good":           {nil, v1alpha1.ReasonReported},
		"another place":  {func(e *report.Envelope) { e.Report.URI = "versions/x/version.json" }, v1alpha1.ReasonReportFailed},
		"no place":       {func(e *report.Envelope) { e.Report = nil }, v1alpha1.ReasonReportFailed},
		"another kind":   {func(e *report.Envelope) { e.Kind = report.KindEvaluation }, v1alpha1.ReasonReportFailed},
		"foreign fields": {func(e *report.Envelope) { e.Summary = []byte(`{"pairs":1,"weights":"x"}`) }, v1alpha1.ReasonReportFailed},
		"negative":       {func(e *report.Envelope) { e.Summary = []byte(`{"pairs":-1,"looks":0,"shared":0,"shown":0}`) }, v1alpha1.ReasonReportFailed},
		"refused":        {func(e *report.Envelope) { e.Verdict = report.Failed }, v1alpha1.ReasonReportFailed},
	} {
		t.Run(name, func(t *testing.T) {
			tod := rejected()
			p := Decide(tod, &Due{Key: key, Runs: []backend.Run{{Key: key, State: backend.Reported, Report: envelope(t, tt.change)}}}, noon)
			Summarize(tod, p)
			if c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionJudgementReported); c == nil || c.Reason != tt.want || p.Start != nil {
				t.Fatalf("condition %+v, want %s", c, tt.want)
			}
			if got := tod.Status.Judgement.Report != nil; got != (tt.want == v1alpha1.ReasonReported) {
				t.Errorf("report %+v", tod.Status.Judgement.Report)
			}
		})
	}
}

func TestAJobIsStartedOnceAndAgainOnlyAfterItFailed(t *testing.T) {
	for name, tt := range map[string]struct {
		runs       []backend.Run
		start      bool
		wantReason string
	}{
		"nothing has run":       {nil, true, v1alpha1.ReasonReporting},
		"an earlier one's":      {[]backend.Run{{Key: "sha256:x", State: backend.Reported}}, true, v1alpha1.ReasonReporting},
		"it runs":               {[]backend.Run{{Key: key, State: backend.Running}}, false, v1alpha1.ReasonReporting},
		"its pod is not seen":   {[]backend.Run{{Key: key, State: backend.Unreported, FinishedAt: noon}}, false, v1alpha1.ReasonReporting},
		"it failed just now":    {[]backend.Run{{Key: key, State: backend.Errored, FinishedAt: noon, Message: "store gone"}}, false, v1alpha1.ReasonReportFailed},
		"it failed a while ago": {[]backend.Run{{Key: key, State: backend.Errored, FinishedAt: noon.Add(-time.Hour), Message: "store gone"}}, true, v1alpha1.ReasonReportFailed},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(rejected(), &Due{Key: key, Runs: tt.runs}, noon)
			if (p.Start != nil) != tt.start || p.Reason != tt.wantReason {
				t.Errorf("%+v, want a start: %t, %s", p, tt.start, tt.wantReason)
			}
		})
	}
}

func TestLostEvidenceIsSaidAndNothingIsStarted(t *testing.T) {
	tod := rejected()
	p := Decide(tod, &Due{Lost: "its evidence is gone"}, noon)
	Summarize(tod, p)
	c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionJudgementReported)
	if p.Start != nil || c == nil || c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "tops-v2: its evidence is gone") {
		t.Errorf("plan %+v, condition %+v", p, c)
	}
	Summarize(tod, Decide(tod, nil, noon))
	if c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionJudgementReported); c != nil {
		t.Errorf("nothing is due, and the condition says %+v", c)
	}
}

func TestEvidenceThatCannotBeReadNowIsNotLostAndIsReadAgain(t *testing.T) {
	tod := rejected()
	due := Observe(t.Context(), nil, tod, Evidence{End: &tod.Status.History[0], Unread: errors.New("connection refused")})
	p := Decide(tod, due, noon)
	if p.Start != nil || p.Wait != tryAgain || p.Reason != v1alpha1.ReasonReporting || !strings.Contains(p.Message, "connection refused") {
		t.Errorf("plan %+v, want to wait and to try again", p)
	}
	if lost := Decide(tod, Observe(t.Context(), nil, tod, Evidence{End: &tod.Status.History[0]}), noon); lost.Reason != v1alpha1.ReasonReportFailed || lost.Wait != 0 {
		t.Errorf("plan %+v without a ledger, want to give up", lost)
	}
}

func TestAReportIsNotWrittenIntoTheNextJudgement(t *testing.T) {
	tod := rejected()
	p := Decide(tod, &Due{Key: key, Runs: []backend.Run{{Key: key, State: backend.Reported, Report: envelope(t, nil)}}}, noon)
	tod.Status.Judgement = &v1alpha1.JudgementStatus{Epoch: "e2", Candidate: "tops-v2"}
	Summarize(tod, p)
	if tod.Status.Judgement.Report != nil {
		t.Error("the next judgement has the report of the last one")
	}
}
