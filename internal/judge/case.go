package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// Alpha bounds the probability that a candidate at a gate's margin is promoted, and the one that a candidate within all margins is
// rejected; each over a whole rollout, however often it is looked at.
const Alpha = 0.05

// defaults are the gates of a deployment that writes none. Rate differences of 0.01 take some 500 pairs without a fault.
var defaults = []v1alpha1.LiveGate{
	{Metric: v1alpha1.LiveLatency, Max: "1.10"},
	{Metric: v1alpha1.LiveErrors, Max: "0.01"},
	{Metric: v1alpha1.LiveArtefacts, Max: "0.01"},
}

// Case is one question: does the candidate keep the gates, compared with the stable version?
type Case struct {
	// Epoch names the question. Evidence of two epochs answers two questions.
	Epoch             string
	Stable, Candidate string
	Gates             []v1alpha1.LiveGate
}

// CaseOf is the question about two versions. Its epoch depends on everything that the answer may: the gates, of what the pods are made, the
// attempt, and how often the evidence was lost. Steps, replicas, scaling and what is captured leave the evidence valid.
func CaseOf(tod *v1alpha1.TryOnDeployment, stable, candidate, built string, restarts int32) Case {
	gates := Gates(tod)
	return Case{
		Epoch:  digest(string(tod.UID), stable, candidate, retry(tod), strconv.Itoa(int(restarts)), built, gates),
		Stable: stable, Candidate: candidate, Gates: gates,
	}
}

// Gates are those of the spec, or the defaults.
func Gates(tod *v1alpha1.TryOnDeployment) []v1alpha1.LiveGate {
	if len(tod.Spec.Gates) > 0 {
		return tod.Spec.Gates
	}
	return defaults
}

// Attempt names what a rejection depends on: the spec, but for its replicas, scaling and capture, and the retry annotation.
func Attempt(tod *v1alpha1.TryOnDeployment) string {
	spec := tod.Spec.DeepCopy()
	spec.Replicas, spec.Scaling, spec.Capture = 0, v1alpha1.ScalingSpec{}, v1alpha1.CaptureSpec{}
	return digest(retry(tod), spec)
}

func retry(tod *v1alpha1.TryOnDeployment) string { return tod.Annotations[names.RetryAnnotation] }

// digest is a name for the values together. They are plain data, so they always have a JSON form.
func digest(values ...any) string {
	body, _ := json.Marshal(values)
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16])
}

// errorsMargin is the margin of the gate of errors; without that gate it is the default's.
func errorsMargin(gates []v1alpha1.LiveGate) float64 { return marginOf(v1alpha1.LiveErrors, gates) }

// LatencyRatio is the margin of the latency gate, at which pods compare each pair; without that gate it is the default's.
func LatencyRatio(gates []v1alpha1.LiveGate) float64 { return marginOf(v1alpha1.LiveLatency, gates) }

// marginOf is for a metric that the defaults have.
func marginOf(metric v1alpha1.LiveMetric, gates []v1alpha1.LiveGate) float64 {
	all := slices.Concat(gates, defaults)
	return number(all[slices.IndexFunc(all, func(g v1alpha1.LiveGate) bool { return g.Metric == metric })].Max)
}

// Open gives an empty ledger for the case. now is before any pod has begun to compare.
func (c Case) Open(now time.Time) (*evidence.Ledger, error) {
	ledger, err := evidence.NewLedger(c.Epoch, c.Stable, c.Candidate, LatencyRatio(c.Gates), now)
	if err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	return ledger, nil
}

// answers says whether a ledger was kept for this case.
func (c Case) answers(ledger *evidence.Ledger) bool { return ledger != nil && ledger.Epoch == c.Epoch }

// questions are the gates with their evidence.
func (c Case) questions(ledger *evidence.Ledger, totals evidence.Totals) []sequential.Gate {
	var gates []sequential.Gate
	for _, g := range c.Gates {
		switch g.Metric {
		case v1alpha1.LiveLatency:
			gates = append(gates, sequential.Quantile{Name: string(g.Metric), Evidence: &ledger.Latency})
		case v1alpha1.LiveErrors:
			gates = append(gates, sequential.Rate{Name: string(g.Metric), Margin: number(g.Max), Pairs: totals.Errors})
		case v1alpha1.LiveArtefacts:
			gates = append(gates, sequential.Rate{Name: string(g.Metric), Margin: number(g.Max), Pairs: totals.Artefacts})
		}
	}
	return gates
}

// number reads a bound. The schema lets nothing else in; what it does not know is judged as a margin that cannot be.
func number(d v1alpha1.Decimal) float64 {
	n, err := strconv.ParseFloat(string(d), 64)
	if err != nil {
		return -1
	}
	return n
}
