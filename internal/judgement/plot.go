package judgement

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Geometry of a plot in SVG units.
const (
	plotLeft   = 62.0
	plotRight  = 408.0
	plotTop    = 14.0
	plotBottom = 184.0
)

// tick is a mark on an axis with its words.
type tick struct {
	At   float64
	Text string
}

// plot is one gate's interval over the pairs.
type plot struct {
	Title, Metric string
	Empty         string
	// Band is the interval's area, Line the estimate, both as SVG paths.
	Band, Line string
	// Margin is the height of the margin's line and MarginText what it says, MarginAt where.
	Margin, MarginAt float64
	MarginText       string
	Xs, Ys           []tick
	// LastX and the ends of the last interval, for a mark at the end.
	LastX, LastLow, LastHigh, LastY float64
	Start, End                      string
	Result                          string
	Tone                            string
}

// metric is how a gate's numbers are said to people.
type metric struct {
	title string
	show  func(x float64) string
	same  float64
}

// percent has a space that no line ends at.
func percent(x float64) string { return fixed(100*x, 2) + "\u00a0%" }

func ratio(x float64) string { return fixed(x, 3) }

// fixed writes a number with so many digits, a minus sign as wide as a plus, and no minus before nothing.
func fixed(x float64, digits int) string {
	text := strconv.FormatFloat(x, 'f', digits, 64)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-")
	}
	return strings.Replace(text, "-", "−", 1)
}

var metrics = map[string]metric{
	"latency-p95-ratio":        {"Latency (p95), candidate / stable", ratio, 1},
	"error-rate-difference":    {"Failed requests, candidate − stable", percent, 0},
	"artefact-rate-difference": {"Faulty pictures, candidate − stable", percent, 0},
}

func metricOf(name string) metric {
	if m, known := metrics[name]; known {
		return m
	}
	return metric{title: name, show: func(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }}
}

// plotOf draws gate i of a history.
func plotOf(g task.JudgedGate, h *evidence.History) plot {
	m := metricOf(g.Metric)
	p := plot{Title: m.title, Metric: g.Metric, Result: resultOf(g), Tone: toneOf(g.Verdict)}
	looks, gates := looksAt(h, g.Metric)
	if len(looks) == 0 {
		p.Empty = "There is no history of this gate: nothing was looked at, or the evidence was collected by an earlier release."
		return p
	}
	low, high := window(g, gates, m.same)
	y := func(v float64) float64 {
		return plotTop + (plotBottom-plotTop)*(high-max(low, min(high, v)))/(high-low)
	}
	last := looks[len(looks)-1]
	x := func(pairs int64) float64 { return plotLeft + (plotRight-plotLeft)*float64(pairs)/float64(last.Pairs) }
	p.draw(looks, gates, x, y)
	p.Margin, p.MarginText = y(g.Margin), "margin "+m.show(g.Margin)
	p.MarginAt = p.Margin - 5
	if p.Margin < plotTop+18 {
		p.MarginAt = p.Margin + 14
	}
	for _, v := range steps(low, high, 5) {
		p.Ys = append(p.Ys, tick{y(v), m.show(v)})
	}
	for _, v := range steps(0, float64(last.Pairs), 4) {
		p.Xs = append(p.Xs, tick{x(int64(v)), count(int64(v))})
	}
	p.Start, p.End = short(looks[0].At), short(last.At)
	return p
}

// looksAt gives the looks and, beside them, the intervals of one metric.
func looksAt(h *evidence.History, metric string) (looks []evidence.Look, gates []evidence.Interval) {
	if h == nil {
		return nil, nil
	}
	for i, name := range h.Metrics {
		if name != metric {
			continue
		}
		for _, look := range h.Looks {
			gates = append(gates, look.Gates[i])
		}
		return h.Looks, gates
	}
	return nil, nil
}

// draw makes the paths. An end that is not known yet is drawn at the plot's edge.
func (p *plot) draw(looks []evidence.Look, gates []evidence.Interval, x func(int64) float64, y func(float64) float64) {
	var upper, lower, line []string
	for i, g := range gates {
		at, up, down := x(looks[i].Pairs), plotTop, plotBottom
		if g.High != nil {
			up = y(*g.High)
		}
		if g.Low != nil {
			down = y(*g.Low)
		}
		upper = append(upper, point(at, up))
		lower = append([]string{point(at, down)}, lower...)
		if g.Estimate != nil {
			p.LastY = y(*g.Estimate)
			line = append(line, point(at, p.LastY))
		}
		p.LastX, p.LastHigh, p.LastLow = at, up, down
	}
	p.Band = "M" + strings.Join(append(upper, lower...), "L") + "Z"
	if len(line) > 0 {
		p.Line = "M" + strings.Join(line, "L")
	}
}

func point(x, y float64) string {
	return strconv.FormatFloat(x, 'f', 1, 64) + " " + strconv.FormatFloat(y, 'f', 1, 64)
}

// window chooses the heights that are shown: those of the margin, of equality and of the last interval, with room around them. The first
// intervals are far wider, and would press the rest into a line.
func window(g task.JudgedGate, gates []evidence.Interval, same float64) (low, high float64) {
	low, high = min(g.Margin, same), max(g.Margin, same)
	last := gates[len(gates)-1]
	for _, v := range []*float64{last.Low, last.Estimate, last.High} {
		if v != nil {
			low, high = min(low, *v), max(high, *v)
		}
	}
	room := 0.35 * (high - low)
	if room == 0 {
		room = 0.1
	}
	return low - room, high + room
}

// steps gives about n round numbers between two.
func steps(low, high float64, n int) []float64 {
	if !(high > low) {
		return nil
	}
	unit := math.Pow(10, math.Floor(math.Log10((high-low)/float64(n))))
	for _, factor := range []float64{1, 2, 5, 10} {
		if (high-low)/(unit*factor) <= float64(n) {
			unit *= factor
			break
		}
	}
	var all []float64
	for k := math.Ceil(low / unit); k*unit <= high; k++ {
		all = append(all, k*unit)
	}
	return all
}

// count writes a number with its thousands apart.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// short is a time on an axis.
func short(at time.Time) string { return at.UTC().Format("2 Jan 15:04:05") }

func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// resultOf says what a gate came to.
func resultOf(g task.JudgedGate) string {
	m := metricOf(g.Metric)
	end := func(v *float64, none string) string {
		if v == nil {
			return none
		}
		return m.show(*v)
	}
	if g.Estimate == nil || g.Have == 0 {
		return "no evidence"
	}
	numbers := fmt.Sprintf("estimate %s, interval %s to %s, margin %s", m.show(*g.Estimate), end(g.Low, "−∞"), end(g.High, "∞"), m.show(g.Margin))
	switch g.Verdict {
	case "Promote":
		return "Kept: " + numbers
	case "Reject":
		return "Missed: " + numbers
	}
	return "Not clear: " + numbers
}

func toneOf(verdict string) string {
	switch verdict {
	case "Promote":
		return "good"
	case "Reject":
		return "bad"
	}
	return "open"
}
