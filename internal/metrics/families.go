package metrics

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// namespace begins the name of every metric of the operator; those of the sidecar go on with sidecar_.
const namespace = "tryon_"

// family is one metric: everything that the reference in docs says of it.
type family struct {
	name, kind, help string
	labels           []label
}

// label has its name and, for the reference, its values: a closed set, or objects that a person has made.
type label struct{ name, values string }

var (
	namespaceLabel = label{"namespace", "of the object"}
	nameLabel      = label{"name", "of the object"}
)

var (
	condition = family{
		name: "condition", kind: "gauge", help: "1 for each condition that an object has, as it is now.",
		labels: []label{
			{"kind", "TryOnModel, TryOnDeployment"}, namespaceLabel, nameLabel, {"condition", "the condition's type"}, {"status", "True, False, Unknown"},
			{"reason", "the condition's reason"}, {"attention", "true when the reason asks a person to do something, else false"},
		},
	}
	candidateStart = family{
		name: "deployment_candidate_start_timestamp_seconds", kind: "gauge",
		help:   "Unix time in seconds at which the deadline of the rollout that is under way began to run; absent without one, and during a pause.",
		labels: []label{namespaceLabel, nameLabel},
	}
	judgementStart = family{
		name: "deployment_judgement_start_timestamp_seconds", kind: "gauge",
		help:   "Unix time in seconds at which the first evidence was asked for of the candidate that is judged now; absent once there is a verdict.",
		labels: []label{namespaceLabel, nameLabel},
	}
	gateVerdict = family{
		name: "deployment_gate_verdict", kind: "gauge", help: "1 for each gate of the judgement that is under way, or of the last one, with what it came to.",
		labels: []label{namespaceLabel, nameLabel, {"gate", "the gate's metric"}, {"verdict", "Promote, Reject, KeepCollecting"}},
	}
	rolloutsTotal = family{
		name: "rollouts_total", kind: "counter", help: "Versions that took over, and versions that were refused.",
		labels: []label{{"outcome", "FirstVersion, Promoted, Fixed, Rejected, RolledBack, ForwardsFailed, Aborted"}},
	}
	evidenceDroppedTotal = family{
		name: "evidence_dropped_total", kind: "counter", help: "Reports of serving pods and replays that were dropped from the evidence about a candidate.",
		labels: []label{{"reason", "Invalid, WrongEpoch, FromFuture, Replay, Backwards, TooFast, Full"}},
	}
	jobRetriesTotal = family{
		name: "job_retries_total", kind: "counter", help: "Jobs that were begun because the one before them failed or was interrupted.",
		labels: []label{{"work", "pin, data-test, stage, evaluate, publish, replay, judgement, erase"}},
	}

	families = []family{condition, candidateStart, judgementStart, gateVerdict, rolloutsTotal, evidenceDroppedTotal, jobRetriesTotal}
)

func (f family) labelNames() []string {
	names := make([]string, 0, len(f.labels))
	for _, l := range f.labels {
		names = append(names, l.name)
	}
	return names
}

func (f family) desc() *prometheus.Desc {
	return prometheus.NewDesc(namespace+f.name, f.help, f.labelNames(), nil)
}

// counter counts by the one label of the family, from 0 for each of its values: what appears with 1 is no increase to Prometheus.
func (f family) counter() *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: namespace + f.name, Help: f.help}, f.labelNames())
	for _, value := range strings.Split(f.labels[0].values, ", ") {
		c.WithLabelValues(value)
	}
	return c
}

// Row is a metric as the reference in docs lists it.
type Row struct{ Name, Type, Labels, Help string }

// Reference lists the operator's own metrics by name.
func Reference() []Row {
	rows := make([]Row, 0, len(families))
	for _, f := range families {
		labels := make([]string, 0, len(f.labels))
		for _, l := range f.labels {
			labels = append(labels, l.name+" ("+l.values+")")
		}
		rows = append(rows, Row{Name: namespace + f.name, Type: f.kind, Labels: strings.Join(labels, "; "), Help: f.help})
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Name, b.Name) })
	return rows
}
