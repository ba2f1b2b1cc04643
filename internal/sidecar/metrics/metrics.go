package metrics

import (
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// Routes, as label values.
const (
	RouteTryOn   = "tryon"
	RouteModel   = "model"
	RouteInfer   = "infer"
	RouteShadow  = "shadow"
	RouteOther   = "other"
	RouteControl = "control"
)

// Stages of one try-on, as label values and in the Server-Timing header.
const (
	StageDecode  = "decode"
	StagePrepare = "prepare"
	StageQueue   = "queue"
	StageRuntime = "runtime"
	StageCompose = "compose"
	StageEncode  = "encode"
)

// ForwardFailed is the name under which the control status counts try-ons that a candidate failed and this pod did not refuse; it is no refusal itself.
const ForwardFailed = "ForwardFailed"

// Metrics counts.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	stages   *prometheus.HistogramVec
	forwards *prometheus.CounterVec
	golden   *prometheus.CounterVec
	proxies  *prometheus.HistogramVec
	pairs    *prometheus.CounterVec
	drops    *prometheus.CounterVec
	mirrored *prometheus.HistogramVec
	batches  *prometheus.HistogramVec
	captured *prometheus.CounterVec
	missed   *prometheus.CounterVec

	// keptFiles and keptBytes are what the last sweep of captured requests left.
	keptFiles, keptBytes atomic.Int64

	// The control status reports the same events by name; versions come from signed documents.
	mu        sync.Mutex
	served    int64
	forwarded map[string]int64
	errors    map[string]int64
}

// Gauges are read at each scrape.
type Gauges struct {
	InFlight, Waiting, BacklogSeconds, Arrivals, Busy, Batch, Ready, ControlGeneration func() float64
}

// New makes the metrics; the gauges are asked when somebody reads them.
func New(g Gauges) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: requestsTotal.counter(), seconds: requestDuration.histogram(), stages: stageDuration.histogram(),
		forwards: forwardsTotal.counter(), golden: goldenChecksTotal.counter(), proxies: qualityProxy.histogram(),
		pairs: shadowPairsTotal.counter(), drops: shadowDroppedTotal.counter(), mirrored: shadowDuration.histogram(), batches: batchRequests.histogram(),
		captured: capturedTotal.counter(), missed: captureDroppedTotal.counter(),
		forwarded: map[string]int64{}, errors: map[string]int64{},
	}
	m.registry.MustRegister(m.requests, m.seconds, m.stages, m.forwards, m.golden, m.proxies, m.pairs, m.drops, m.mirrored, m.batches, m.captured, m.missed,
		captureFiles.gauge(func() float64 { return float64(m.keptFiles.Load()) }), captureBytes.gauge(func() float64 { return float64(m.keptBytes.Load()) }),
		requestsInFlight.gauge(g.InFlight), requestsWaiting.gauge(g.Waiting), backlogSeconds.gauge(g.BacklogSeconds), arrivals.gauge(g.Arrivals), busy.gauge(g.Busy), batchLimit.gauge(g.Batch),
		ready.gauge(g.Ready), controlGeneration.gauge(g.ControlGeneration),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Counts are events by name, as the control status reports them.
type Counts struct {
	Served            int64
	Forwarded, Errors map[string]int64
}

// Counts gives a copy of what was counted so far.
func (m *Metrics) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Counts{Served: m.served, Forwarded: maps.Clone(m.forwarded), Errors: maps.Clone(m.errors)}
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Done counts a request.
func (m *Metrics) Done(route string, code problem.Code, took time.Duration) {
	m.requests.WithLabelValues(route, string(code)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
	// A refused copy is no failure that a shopper saw.
	if code != problem.CodeOK && route != RouteShadow {
		m.count(string(code))
	}
}

func (m *Metrics) count(code string) {
	m.mu.Lock()
	m.errors[code]++
	m.mu.Unlock()
}

// Answered counts a try-on that this pod answered.
func (m *Metrics) Answered(scores picture.Scores) {
	m.proxies.WithLabelValues("warp_area_ratio").Observe(scores.WarpAreaRatio)
	m.proxies.WithLabelValues("outside_change").Observe(scores.OutsideChange)
	m.mu.Lock()
	m.served++
	m.mu.Unlock()
}

// maxVersions bounds the versions that are remembered; a pod sees a handful in its life.
const maxVersions = 64

// Forwarded counts a try-on that a candidate answered.
func (m *Metrics) Forwarded(version string) {
	m.forwards.WithLabelValues("Answered").Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.forwarded[version]; known || len(m.forwarded) < maxVersions {
		m.forwarded[version]++
	}
}

// FellBack counts a try-on that a candidate failed.
func (m *Metrics) FellBack() {
	m.forwards.WithLabelValues("FellBack").Inc()
	m.count(ForwardFailed)
}

// RefusedTwice counts a try-on that a candidate did not answer and this pod refused, because the request was at fault.
func (m *Metrics) RefusedTwice() { m.forwards.WithLabelValues("Refused").Inc() }

// Refused counts a request of the ops port that failed; what succeeds there is no news.
func (m *Metrics) Refused(code problem.Code) {
	m.requests.WithLabelValues(RouteControl, string(code)).Inc()
}

// GoldenChecked counts a check of the golden requests.
func (m *Metrics) GoldenChecked(outcome string) { m.golden.WithLabelValues(outcome).Inc() }

// Ran counts a run of so many try-ons in the model server.
func (m *Metrics) Ran(outcome string, requests int) {
	m.batches.WithLabelValues(outcome).Observe(float64(requests))
}

// ShadowPaired counts a pair and how long it took.
func (m *Metrics) ShadowPaired(stable, candidate string, took time.Duration) {
	m.pairs.WithLabelValues(stable, candidate).Inc()
	m.mirrored.WithLabelValues().Observe(took.Seconds())
}

// ShadowDropped counts a copy of which no pair became.
func (m *Metrics) ShadowDropped(reason string) { m.drops.WithLabelValues(reason).Inc() }

// Captured counts an answered request that was captured.
func (m *Metrics) Captured() { m.captured.WithLabelValues().Inc() }

// CaptureDropped counts one that was to be captured and was not.
func (m *Metrics) CaptureDropped(reason string) { m.missed.WithLabelValues(reason).Inc() }

// CaptureKept says what is in the folder of captured requests.
func (m *Metrics) CaptureKept(files int, bytes int64) {
	m.keptFiles.Store(int64(files))
	m.keptBytes.Store(bytes)
}
