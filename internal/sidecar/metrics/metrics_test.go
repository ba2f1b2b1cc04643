package metrics

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// sample is a line of the exposition: a name, labels, a value.
var sample = regexp.MustCompile(`(?m)^(tryon_sidecar_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$`)

func one() float64 { return 1 }

// used gives the exposition of metrics of which each family was used.
func used(t *testing.T) string {
	t.Helper()
	m := New(Gauges{one, one, one, one, one, one, one, one})
	m.Done(RouteTryOn, problem.CodeOK, time.Second)
	m.Done(RouteInfer, problem.CodeTooLarge, time.Second)
	m.Timings().Lap(StageDecode)
	m.Forwarded("tops-v2")
	m.FellBack()
	m.GoldenChecked("Passed")
	m.Refused(problem.CodeStale)
	m.Answered(picture.Scores{WarpAreaRatio: 1})
	m.ShadowPaired("Answered", "TimedOut", time.Second)
	m.ShadowDropped("Full")
	m.Ran("Answered", 4)
	m.Captured()
	m.CaptureDropped("Full")
	m.CaptureKept(1, 1)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func TestTheReferenceListsEveryMetricThatIsServedAndNoOther(t *testing.T) {
	listed, served := map[string]bool{}, map[string]bool{}
	for _, row := range Reference() {
		listed[row.Name] = true
	}
	for _, found := range sample.FindAllStringSubmatch(used(t), -1) {
		served[found[1]] = true
		if !listed[found[1]] {
			t.Errorf("%s is served but not listed", found[1])
		}
	}
	for name := range listed {
		if !served[name] {
			t.Errorf("%s is listed but not served", name)
		}
	}
}

func TestNamesFollowPrometheusAndHelpSaysTheUnit(t *testing.T) {
	for _, row := range Reference() {
		if (row.Type == "counter") != strings.HasSuffix(row.Name, "_total") {
			t.Errorf("%s is a %s: counters, and they alone, end in _total", row.Name, row.Type)
		}
		if row.Type == "histogram" && !strings.HasSuffix(row.Name, "_seconds") && !strings.HasSuffix(row.Name, "_ratio") && !strings.HasSuffix(row.Name, "_requests") {
			t.Errorf("%s names no base unit", row.Name)
		}
		if strings.HasSuffix(row.Name, "_seconds") && !strings.Contains(row.Help, "in seconds") ||
			strings.HasSuffix(row.Name, "_ratio") && !strings.Contains(strings.ToLower(row.Help), "ratio") || strings.HasSuffix(row.Name, "_requests") && !strings.Contains(row.Help, "in requests") {
			t.Errorf("%s: its help %q does not say the unit", row.Name, row.Help)
		}
	}
}

// The version is a stranger's text as far as metrics go: it is told in the control status alone.
func TestNoVersionBecomesALabel(t *testing.T) {
	if text := used(t); strings.Contains(text, "tops-v2") {
		t.Errorf("a version is in %s", text)
	}
}

func TestARefusedCopyIsNoErrorOfAShopper(t *testing.T) {
	m := New(Gauges{one, one, one, one, one, one, one, one})
	m.Done(RouteShadow, problem.CodeOverloaded, time.Second)
	m.Done(RouteInfer, problem.CodeTooLarge, time.Second)
	if got := m.Counts().Errors; len(got) != 1 || got[string(problem.CodeTooLarge)] != 1 {
		t.Errorf("errors %v, want the shopper's alone", got)
	}
}
