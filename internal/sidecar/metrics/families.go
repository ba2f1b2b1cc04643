package metrics

import "github.com/prometheus/client_golang/prometheus"

const (
	namespace = "tryon"
	subsystem = "sidecar"
)

// family is one metric: everything that the reference in docs says of it.
type family struct {
	name, kind, help string
	labels           []label
	buckets          []float64
}

// label has its name and, for the reference, its values: a closed set.
type label struct{ name, values string }

var (
	routeLabel = label{"route", "tryon, model, infer, shadow, other, control"}
	durations  = prometheus.ExponentialBuckets(0.001, 2, 16)
)

var (
	requestsTotal = family{name: "requests_total", kind: "counter", help: "Requests that ended, by route and code. Of the route control only refusals are counted.",
		labels: []label{routeLabel, {"code", "OK, or a code of the Shopper API"}}}
	requestDuration = family{name: "request_duration_seconds", kind: "histogram", help: "Time of a request in seconds, the arrival of its body and the writing of its reply included.",
		labels: []label{{"route", "tryon, model, infer, shadow, other"}}, buckets: durations}
	stageDuration = family{name: "stage_duration_seconds", kind: "histogram", help: "Time of one stage of a try-on in seconds.",
		labels: []label{{"stage", "decode, prepare, queue, runtime, compose, encode"}}, buckets: durations}
	forwardsTotal = family{name: "forwards_total", kind: "counter", help: "Try-ons sent to the candidate: Answered by it; FellBack to this pod, because it failed; or Refused here, too, because the request was at fault.",
		labels: []label{{"outcome", "Answered, FellBack, Refused"}}}
	goldenChecksTotal = family{name: "golden_checks_total", kind: "counter", help: "Checks of all golden requests.",
		labels: []label{{"outcome", "Passed, Failed, Errored"}}}
	qualityProxy = family{name: "quality_proxy_ratio", kind: "histogram", help: "Cheap signs of a gross fault in an answer, as ratios without unit: the warped garment's area over the flat one's, and the share of pixels away from the garment that changed.",
		labels: []label{{"proxy", "warp_area_ratio, outside_change"}}, buckets: []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3}}
	shadowPairsTotal = family{name: "shadow_pairs_total", kind: "counter", help: "Requests that the candidate was asked in shadow, by how each version answered.",
		labels: []label{{"stable", "Answered, Failed"}, {"candidate", "Answered, TimedOut, Unreachable, Failed, Malformed"}}}
	shadowDroppedTotal = family{name: "shadow_dropped_total", kind: "counter", help: "Copies of requests of which no pair became.",
		labels: []label{{"reason", "Full, TooFast, CandidateBusy, Unmeasured, EpochEnded"}}}
	shadowDuration = family{name: "shadow_duration_seconds", kind: "histogram", help: "Time of one pair in seconds, from asking the candidate to having compared.", buckets: durations}
	batchRequests  = family{name: "batch_requests", kind: "histogram", help: "Try-ons that shared a run in the model server, in requests: Answered at once, Isolated (the run failed, and each was asked again alone), or Failed.",
		labels: []label{{"outcome", "Answered, Isolated, Failed"}}, buckets: []float64{1, 2, 3, 4, 6, 8, 12, 16, 32}}
	capturedTotal       = family{name: "captured_total", kind: "counter", help: "Answered requests that were captured."}
	captureDroppedTotal = family{name: "capture_dropped_total", kind: "counter", help: "Answered requests that were to be captured and were not.",
		labels: []label{{"reason", "Full, TooFast, Unwritten"}}}
	captureFiles      = family{name: "capture_files", kind: "gauge", help: "Files in the folder of captured requests at the last sweep, those of other pods included."}
	captureBytes      = family{name: "capture_bytes", kind: "gauge", help: "Bytes in the folder of captured requests at the last sweep, those of other pods included."}
	requestsInFlight  = family{name: "requests_in_flight", kind: "gauge", help: "Requests of the front port that have not ended, in requests."}
	requestsWaiting   = family{name: "requests_waiting", kind: "gauge", help: "Requests that wait for a run in the model server, in requests."}
	backlogSeconds    = family{name: "backlog_seconds", kind: "gauge", help: "Predicted wait for a run in seconds, of a request that came now: the work that lies before it."}
	arrivals          = family{name: "arrivals_ratio", kind: "gauge", help: "Work that came over the last ten seconds, that of refused requests included, in predicted seconds per second: the ratio of what came to what the pod can do."}
	busy              = family{name: "busy_ratio", kind: "gauge", help: "Ratio of the last ten seconds in which the model server worked for requests that somebody waits for."}
	batchLimit        = family{name: "batch_limit_requests", kind: "gauge", help: "Most try-ons that share a run in the model server, in requests: 1 when the option says so, or when the model server does not answer more at once as it answers one."}
	ready             = family{name: "ready", kind: "gauge", help: "1 when the pod is ready, else 0."}
	controlGeneration = family{name: "control_generation", kind: "gauge", help: "Generation of the control document in force, 0 for none."}

	families = []family{
		requestsTotal, requestDuration, stageDuration, forwardsTotal, goldenChecksTotal, qualityProxy,
		shadowPairsTotal, shadowDroppedTotal, shadowDuration, capturedTotal, captureDroppedTotal, captureFiles, captureBytes,
		batchRequests, batchLimit, requestsInFlight, requestsWaiting, backlogSeconds, arrivals, busy, ready, controlGeneration,
	}
)

func (f family) labelNames() []string {
	names := make([]string, 0, len(f.labels))
	for _, l := range f.labels {
		names = append(names, l.name)
	}
	return names
}

func (f family) counter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: f.name, Help: f.help}, f.labelNames())
}

func (f family) histogram() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: f.name, Help: f.help, Buckets: f.buckets}, f.labelNames())
}

func (f family) gauge(read func() float64) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: f.name, Help: f.help}, read)
}
