package metrics

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/sequential"
	"github.com/braincreators/tryon-operator/internal/status"
)

// readTimeout bounds how long a scrape waits for a cache that is not filled yet.
const readTimeout = 5 * time.Second

var (
	conditionDesc      = condition.desc()
	candidateStartDesc = candidateStart.desc()
	judgementStartDesc = judgementStart.desc()
	gateVerdictDesc    = gateVerdict.desc()
)

// Collector gives all metrics of the operator. Prometheus' interface has no context, so the collector has that of its operator.
type Collector struct {
	ctx     context.Context
	objects client.Reader
}

// NewCollector reads from a cache until ctx ends.
func NewCollector(ctx context.Context, objects client.Reader) *Collector {
	return &Collector{ctx: ctx, objects: objects}
}

// Describe says which metrics there are.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{conditionDesc, candidateStartDesc, judgementStartDesc, gateVerdictDesc} {
		ch <- desc
	}
	for _, counter := range counters {
		counter.Describe(ch)
	}
}

// Collect reads the objects. When they cannot be read the whole scrape fails: series that were only left out would end the alerts about them.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, counter := range counters {
		counter.Collect(ch)
	}
	ctx, cancel := context.WithTimeout(c.ctx, readTimeout)
	defer cancel()
	var models v1alpha1.TryOnModelList
	var deployments v1alpha1.TryOnDeploymentList
	// They are only read, so the cache need not copy them.
	if err := errors.Join(c.objects.List(ctx, &models, client.UnsafeDisableDeepCopy), c.objects.List(ctx, &deployments, client.UnsafeDisableDeepCopy)); err != nil {
		ch <- prometheus.NewInvalidMetric(conditionDesc, err)
		return
	}
	for i := range models.Items {
		conditions(ch, "TryOnModel", &models.Items[i])
	}
	for i := range deployments.Items {
		conditions(ch, "TryOnDeployment", &deployments.Items[i])
		rollout(ch, &deployments.Items[i])
	}
}

func gauge(ch chan<- prometheus.Metric, desc *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

func conditions(ch chan<- prometheus.Metric, kind string, obj status.Object) {
	for _, c := range *obj.ConditionList() {
		gauge(ch, conditionDesc, 1, kind, obj.GetNamespace(), obj.GetName(), c.Type, string(c.Status), c.Reason, strconv.FormatBool(status.Bad(c.Reason)))
	}
}

func rollout(ch chan<- prometheus.Metric, tod *v1alpha1.TryOnDeployment) {
	candidate, judgement := tod.Status.Candidate, tod.Status.Judgement
	if candidate != nil {
		since(ch, candidateStartDesc, candidate.StartTime, tod)
	}
	if judgement == nil {
		return
	}
	// A judgement stays in the status when its candidate has gone.
	if candidate != nil && candidate.Version == judgement.Candidate && judgement.Verdict == v1alpha1.LiveVerdict(sequential.KeepCollecting) {
		since(ch, judgementStartDesc, judgement.SinceTime, tod)
	}
	for _, g := range judgement.Gates {
		gauge(ch, gateVerdictDesc, 1, tod.Namespace, tod.Name, string(g.Metric), string(g.Verdict))
	}
}

func since(ch chan<- prometheus.Metric, desc *prometheus.Desc, start *metav1.Time, tod *v1alpha1.TryOnDeployment) {
	if start != nil {
		gauge(ch, desc, float64(start.Unix()), tod.Namespace, tod.Name)
	}
}
