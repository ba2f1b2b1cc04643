package metrics

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/resources"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func at(t time.Time) *metav1.Time { return ptr.To(metav1.NewTime(t)) }

// model has one condition.
func model(reason string) *v1alpha1.TryOnModel {
	return &v1alpha1.TryOnModel{
		ObjectMeta: metav1.ObjectMeta{Name: "tops", Namespace: "shop"},
		Status:     v1alpha1.TryOnModelStatus{Conditions: []metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse, Reason: reason}}},
	}
}

// judged is a deployment whose candidate is in shadow.
func judged() *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop"},
		Status: v1alpha1.TryOnDeploymentStatus{
			Conditions: []metav1.Condition{{Type: "RolledOut", Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonShadowing}},
			Candidate:  &v1alpha1.CandidateStatus{Version: "tops-v2", StartTime: at(noon)},
			Judgement: &v1alpha1.JudgementStatus{
				Candidate: "tops-v2", Verdict: "KeepCollecting", SinceTime: at(noon.Add(time.Minute)),
				Gates: []v1alpha1.GateStatus{{Metric: v1alpha1.LiveLatency, Verdict: "Promote"}, {Metric: v1alpha1.LiveErrors, Verdict: "KeepCollecting"}},
			},
		},
	}
}

// scrape gives the lines of what is served about objects, without those of the counters, and the code.
func scrape(t *testing.T, objects client.Reader) ([]string, int) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewCollector(t.Context(), objects))
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	return slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "#") || strings.Contains(l, "_total{") }), w.Code
}

func cluster(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	return fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).WithObjects(objects...).Build()
}

func TestTheStateOfEveryObjectIsToldAsItIs(t *testing.T) {
	decided := judged()
	decided.Status.Judgement.Verdict = "Promote"
	gone := judged()
	gone.Status.Candidate, gone.Status.Judgement.Verdict = nil, "Reject"
	gone.Status.Judgement.Gates = []v1alpha1.GateStatus{{Metric: v1alpha1.LiveErrors, Verdict: "Reject"}}
	paused := judged()
	paused.Status.Candidate.StartTime, paused.Status.Judgement = nil, nil
	another := judged()
	another.Status.Judgement.Candidate = "tops-v1"
	const (
		rolledOut = `tryon_condition{attention="false",condition="RolledOut",kind="TryOnDeployment",name="storefront",namespace="shop",reason="Shadowing",status="False"} 1`
		started   = `tryon_deployment_candidate_start_timestamp_seconds{name="storefront",namespace="shop"} 1.7957808e+09`
		judging   = `tryon_deployment_judgement_start_timestamp_seconds{name="storefront",namespace="shop"} 1.79578086e+09`
		latency   = `tryon_deployment_gate_verdict{gate="latency-p95-ratio",name="storefront",namespace="shop",verdict="Promote"} 1`
		waiting   = `tryon_deployment_gate_verdict{gate="error-rate-difference",name="storefront",namespace="shop",verdict="KeepCollecting"} 1`
		worse     = `tryon_deployment_gate_verdict{gate="error-rate-difference",name="storefront",namespace="shop",verdict="Reject"} 1`
	)
	for name, test := range map[string]struct {
		object client.Object
		want   []string
	}{
		"a model that trains": {model(v1alpha1.ReasonTraining), []string{
			`tryon_condition{attention="false",condition="Ready",kind="TryOnModel",name="tops",namespace="shop",reason="Training",status="False"} 1`,
		}},
		"a model whose data fails its tests": {model(v1alpha1.ReasonDataTestsFailed), []string{
			`tryon_condition{attention="true",condition="Ready",kind="TryOnModel",name="tops",namespace="shop",reason="DataTestsFailed",status="False"} 1`,
		}},
		"a candidate that is judged":         {judged(), []string{rolledOut, started, waiting, latency, judging}},
		"a candidate with a verdict":         {decided, []string{rolledOut, started, waiting, latency}},
		"a candidate that is gone":           {gone, []string{rolledOut, worse}},
		"a pause before any evidence":        {paused, []string{rolledOut}},
		"the judgement of another candidate": {another, []string{rolledOut, started, waiting, latency}},
		"an object that is new":              {&v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop"}}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, code := scrape(t, cluster(t, test.object))
			if diff := cmp.Diff(test.want, got); diff != "" || code != http.StatusOK {
				t.Errorf("%d (-want +got):\n%s", code, diff)
			}
		})
	}
}

func TestNoSeriesOutlivesItsObject(t *testing.T) {
	c := cluster(t, model(v1alpha1.ReasonTraining), judged())
	if lines, _ := scrape(t, c); len(lines) != 6 {
		t.Fatalf("served are %q", lines)
	}
	for _, object := range []client.Object{model(""), judged()} {
		if err := c.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	if lines, _ := scrape(t, c); len(lines) > 0 {
		t.Errorf("left is %q", lines)
	}
}

// An alert must not end because nothing can be read.
func TestAScrapeFailsWhereTheObjectsCannotBeRead(t *testing.T) {
	broken := interceptor.NewClient(cluster(t), interceptor.Funcs{List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
		return errors.New("the cache is not there")
	}})
	if lines, code := scrape(t, broken); code != http.StatusInternalServerError {
		t.Errorf("%d: %q", code, lines)
	}
}

func TestTheReferenceNamesTheWordsThatAreCounted(t *testing.T) {
	for want, f := range map[string]family{
		strings.Join([]string{
			v1alpha1.ReasonFirstVersion, v1alpha1.ReasonPromoted, v1alpha1.ReasonFixed, v1alpha1.ReasonRejected, v1alpha1.ReasonRolledBack,
			v1alpha1.ReasonForwardsFailed, v1alpha1.ReasonAborted,
		}, ", "): rolloutsTotal,
		strings.Join([]string{
			string(evidence.Invalid), string(evidence.WrongEpoch), string(evidence.FromFuture), string(evidence.Replay), string(evidence.Backwards),
			string(evidence.TooFast), string(evidence.Full),
		}, ", "): evidenceDroppedTotal,
		strings.Join([]string{
			string(resources.Pin), string(resources.DataTest), string(resources.Stage), string(resources.Evaluate), string(resources.Publish),
			string(resources.Replay), string(resources.Judge), string(resources.Erase),
		}, ", "): jobRetriesTotal,
	} {
		if diff := cmp.Diff(want, f.labels[0].values); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.name, diff)
		}
	}
}

func TestNamesFollowPrometheusAndHelpSaysTheUnit(t *testing.T) {
	for _, row := range Reference() {
		if (row.Type == "counter") != strings.HasSuffix(row.Name, "_total") {
			t.Errorf("%s is a %s: counters, and they alone, end in _total", row.Name, row.Type)
		}
		if strings.HasSuffix(row.Name, "_seconds") && !strings.Contains(row.Help, "in seconds") {
			t.Errorf("%s: its help %q does not say the unit", row.Name, row.Help)
		}
	}
}
