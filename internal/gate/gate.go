package gate

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// Verdict is what came of comparing scores with bounds.
type Verdict string

const (
	// Passed: every bound holds.
	Passed Verdict = "Passed"
	// Failed: a score was measured and misses its bound.
	Failed Verdict = "Failed"
	// Unmeasured: no score misses its bound, but one could not be compared.
	Unmeasured Verdict = "Unmeasured"
)

// Finding is the outcome of one bound.
type Finding struct {
	Metric v1alpha1.Metric
	// Bound is min, max or minGain.
	Bound   string
	Verdict Verdict
	// Message says in words what was compared.
	Message string
}

// Result is the outcome of all gates.
type Result struct {
	Verdict  Verdict
	Findings []Finding
}

// Message names what keeps the result from passing, or says that everything holds.
func (r Result) Message() string {
	var lines []string
	for _, f := range r.Findings {
		if f.Verdict == r.Verdict && f.Verdict != Passed {
			lines = append(lines, f.Message)
		}
	}
	switch {
	case len(lines) > 0:
		return strings.Join(lines, "; ")
	case len(r.Findings) == 0:
		return "no gate is set"
	case len(r.Findings) == 1:
		return "the one bound holds"
	}
	return fmt.Sprintf("all %d bounds hold", len(r.Findings))
}

// Check compares scores with gates. A measured failure outweighs what could not be measured.
func Check(gates []v1alpha1.MetricGate, scores []v1alpha1.Score) Result {
	result := Result{Verdict: Passed}
	for _, g := range gates {
		result.Findings = append(result.Findings, checkOne(g, find(scores, g.Metric))...)
	}
	for _, f := range result.Findings {
		if f.Verdict == Failed {
			result.Verdict = Failed
		}
		if f.Verdict == Unmeasured && result.Verdict == Passed {
			result.Verdict = Unmeasured
		}
	}
	return result
}

// Gain is by how much a score beats the better of its two baselines in the metric's good direction; false when one of the three
// numbers is missing.
func Gain(score v1alpha1.Score) (float64, bool) {
	value, ok := number(&score.Value)
	person, okPerson := number(score.CopyPerson)
	garment, okGarment := number(score.PasteGarment)
	if !ok || !okPerson || !okGarment {
		return 0, false
	}
	if lowerIsBetter(score.Metric) {
		return min(person, garment) - value, true
	}
	return value - max(person, garment), true
}

func checkOne(g v1alpha1.MetricGate, score *v1alpha1.Score) []Finding {
	value, gain := math.NaN(), math.NaN()
	if score != nil {
		if v, ok := number(&score.Value); ok {
			value = v
		}
		if v, ok := Gain(*score); ok {
			gain = v
		}
	}
	var findings []Finding
	if g.Min != nil {
		findings = append(findings, bound{g.Metric, "min", "", value, *g.Min}.check(func(v, limit float64) bool { return v >= limit }))
	}
	if g.Max != nil {
		findings = append(findings, bound{g.Metric, "max", "", value, *g.Max}.check(func(v, limit float64) bool { return v <= limit }))
	}
	if g.MinGain != nil {
		findings = append(findings, bound{g.Metric, "minGain", "gain over the better baseline ", gain, *g.MinGain}.check(func(v, limit float64) bool { return v >= limit }))
	}
	return findings
}

type bound struct {
	metric v1alpha1.Metric
	name   string
	what   string
	value  float64
	limit  v1alpha1.Decimal
}

func (b bound) check(holds func(value, limit float64) bool) Finding {
	f := Finding{Metric: b.metric, Bound: b.name}
	limit, ok := number(&b.limit)
	switch {
	case !ok:
		f.Verdict, f.Message = Unmeasured, fmt.Sprintf("%s: the %s %q is not a number", b.metric, b.name, b.limit)
	case math.IsNaN(b.value):
		f.Verdict, f.Message = Unmeasured, fmt.Sprintf("%s: its %sis not known, so %s %s could not be checked", b.metric, orValue(b.what), b.name, b.limit)
	case holds(b.value, limit):
		f.Verdict, f.Message = Passed, fmt.Sprintf("%s: %s%s keeps %s %s", b.metric, b.what, Format(b.value), b.name, b.limit)
	default:
		f.Verdict, f.Message = Failed, fmt.Sprintf("%s: %s%s misses %s %s", b.metric, b.what, Format(b.value), b.name, b.limit)
	}
	return f
}

func orValue(what string) string {
	if what == "" {
		return "value "
	}
	return what
}

// Format writes a score for people, with four digits after the point and no trailing zeros beyond the second.
func Format(v float64) string {
	s := strconv.FormatFloat(v, 'f', 4, 64)
	for strings.HasSuffix(s, "0") && len(s)-strings.IndexByte(s, '.') > 3 {
		s = s[:len(s)-1]
	}
	return s
}

func find(scores []v1alpha1.Score, metric v1alpha1.Metric) *v1alpha1.Score {
	for i := range scores {
		if scores[i].Metric == metric {
			return &scores[i]
		}
	}
	return nil
}

func number(d *v1alpha1.Decimal) (float64, bool) {
	if d == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(*d), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

func lowerIsBetter(metric v1alpha1.Metric) bool { return metric == v1alpha1.MetricL1 }

// Render writes a score with two digits and, where both baselines are known, its gain, for example "garment-ssim 0.66 (+0.25)".
func Render(score v1alpha1.Score) string {
	value, ok := number(&score.Value)
	if !ok {
		return string(score.Metric) + " " + string(score.Value)
	}
	text := fmt.Sprintf("%s %.2f", score.Metric, hundredths(value))
	if gain, ok := Gain(score); ok {
		text += fmt.Sprintf(" (%+.2f)", hundredths(gain))
	}
	return text
}

// hundredths rounds to what is shown. The sum makes a negative zero a plain one, which has no minus sign.
func hundredths(v float64) float64 { return math.Round(100*v)/100 + 0 }
