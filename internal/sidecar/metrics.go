package sidecar

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
)

// Stages of one try-on, as label values and in the Server-Timing header.
const (
	stageDecode  = "decode"
	stagePrepare = "prepare"
	stageQueue   = "queue"
	stageRuntime = "runtime"
	stageCompose = "compose"
	stageEncode  = "encode"
)

// codeForwardFailed counts try-ons that a candidate could not answer and this pod did; it is no refusal.
const codeForwardFailed = "ForwardFailed"

// metrics counts. Every label comes from a closed set: routes, codes and stages are constants of this package.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	stages   *prometheus.HistogramVec
	forwards *prometheus.CounterVec
	golden   *prometheus.CounterVec
	proxies  *prometheus.HistogramVec

	// The control status reports the same events by name; versions come from signed documents.
	mu        sync.Mutex
	served    int64
	forwarded map[string]int64
	errors    map[string]int64
}

func newMetrics(s *Server) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tryon", Subsystem: "sidecar", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "tryon", Subsystem: "sidecar", Name: name, Help: help, Buckets: buckets}, labels)
	}
	seconds := prometheus.ExponentialBuckets(0.001, 2, 16)
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		requests:  counter("requests_total", "Requests by route and outcome.", "route", "code"),
		seconds:   histogram("request_seconds", "Time of a request, body included.", seconds, "route"),
		stages:    histogram("stage_seconds", "Time of one stage of a try-on.", seconds, "stage"),
		forwards:  counter("forwards_total", "Try-ons sent to the candidate by outcome: Answered or FellBack.", "outcome"),
		golden:    counter("golden_checks_total", "Checks of the golden requests by outcome: Passed, Failed or Errored.", "outcome"),
		proxies:   histogram("proxy", "Quality proxies of answers.", []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3}, "proxy"),
		forwarded: map[string]int64{},
		errors:    map[string]int64{},
	}
	m.registry.MustRegister(m.requests, m.seconds, m.stages, m.forwards, m.golden, m.proxies,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for name, read := range map[string]func() float64{
		"in_flight":          func() float64 { return float64(s.activity.count()) },
		"waiting":            func() float64 { return float64(s.queue.waitingNow()) },
		"backlog_seconds":    func() float64 { return s.queue.backlog().Seconds() },
		"ready":              func() float64 { return boolFloat(s.ready() == nil) },
		"control_generation": func() float64 { return float64(s.applied.Current().Generation) },
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "tryon", Subsystem: "sidecar", Name: name, Help: gaugeHelp[name]}, read))
	}
	return m
}

var gaugeHelp = map[string]string{
	"in_flight":          "Requests being answered now.",
	"waiting":            "Requests that wait for a run.",
	"backlog_seconds":    "Predicted wait of a request that came now.",
	"ready":              "1 when the pod is ready.",
	"control_generation": "Generation of the control document in force.",
}

func boolFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

func (m *metrics) done(route string, code Code, took time.Duration) {
	m.requests.WithLabelValues(route, string(code)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
	if code != CodeOK {
		m.count(string(code))
	}
}

func (m *metrics) count(code string) {
	m.mu.Lock()
	m.errors[code]++
	m.mu.Unlock()
}

func (m *metrics) answered(scores picture.Scores) {
	m.proxies.WithLabelValues("warp_area_ratio").Observe(scores.WarpAreaRatio)
	m.proxies.WithLabelValues("outside_change").Observe(scores.OutsideChange)
	m.mu.Lock()
	m.served++
	m.mu.Unlock()
}

// maxVersions bounds the versions that are remembered; a pod sees a handful in its life.
const maxVersions = 64

func (m *metrics) forwardedTo(version string) {
	m.forwards.WithLabelValues("Answered").Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.forwarded[version]; known || len(m.forwarded) < maxVersions {
		m.forwarded[version]++
	}
}

func (m *metrics) fellBack() {
	m.forwards.WithLabelValues("FellBack").Inc()
	m.count(codeForwardFailed)
}
