package metricstest

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/metrics"
)

// Total reads a counter, for example tryon_job_retries_total{work="pin"}, as Prometheus would. Counters are the process's: what counts is by how
// much one has grown.
func Total(t testing.TB, series string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.NewCollector(t.Context(), fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).Build()))
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(w.Body.String())
	if found == nil {
		t.Fatalf("there is no %s in\n%s", series, w.Body)
	}
	total, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return total
}
