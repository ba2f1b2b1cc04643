package judgement

import (
	"fmt"
	"math"
	"strconv"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

// maxColumns is how many bins of a histogram are drawn beside each other; finer ones are put together.
const maxColumns = 26

// quantiles that are compared.
var quantiles = []float64{0.5, 0.9, 0.95, 0.99}

// latencies is the comparison of the times in the model server.
type latencies struct {
	Pairs string
	// Stable and Candidate are outlines of histograms over a logarithmic axis.
	Stable, Candidate string
	Xs                []tick
	Rows              []latencyRow
}

type latencyRow struct{ Name, Stable, Candidate, Ratio string }

// latenciesOf draws both histograms; nil without latencies.
func latenciesOf(l *sequential.Latencies) *latencies {
	if l.N() == 0 {
		return nil
	}
	stable, candidate := l.Histograms()
	wide := 1 + max(len(stable), len(candidate))/maxColumns
	stable, candidate = merge(stable, wide), merge(candidate, wide)
	from, to, most := math.Inf(1), 0.0, int64(1)
	for _, b := range append(append([]sequential.Bin{}, stable...), candidate...) {
		from, to, most = min(from, begin(b)), max(to, b.To), max(most, b.N)
	}
	from, to = from/1.1, to*1.1
	x := func(seconds float64) float64 {
		return plotLeft + (plotRight-plotLeft)*math.Log(seconds/from)/math.Log(to/from)
	}
	y := func(n int64) float64 { return plotBottom - (plotBottom-plotTop)*float64(n)/float64(most) }
	out := &latencies{Pairs: count(l.N()), Stable: outline(stable, x, y), Candidate: outline(candidate, x, y)}
	for _, seconds := range []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100} {
		if seconds > from && seconds < to {
			out.Xs = append(out.Xs, tick{x(seconds), milliseconds(seconds)})
		}
	}
	for _, level := range quantiles {
		s, c := l.Quantiles(level)
		out.Rows = append(out.Rows, latencyRow{fmt.Sprintf("%g\u00a0%% of requests within", 100*level), milliseconds(s), milliseconds(c), ratio(c / s)})
	}
	return out
}

// merge puts neighbouring bins together.
func merge(bins []sequential.Bin, n int) []sequential.Bin {
	var out []sequential.Bin
	for i, b := range bins {
		if i%n == 0 {
			out = append(out, sequential.Bin{From: begin(b), To: b.To})
		}
		out[len(out)-1].To = b.To
		out[len(out)-1].N += b.N
	}
	return out
}

// begin is where a bin begins on a logarithmic axis, which has no 0.
func begin(b sequential.Bin) float64 {
	if b.From == 0 {
		return b.To / 2
	}
	return b.From
}

// outline goes over the tops of the columns.
func outline(bins []sequential.Bin, x func(float64) float64, y func(int64) float64) string {
	path := "M" + point(x(begin(bins[0])), plotBottom)
	for _, b := range bins {
		path += "L" + point(x(begin(b)), y(b.N)) + "L" + point(x(b.To), y(b.N))
	}
	return path + "L" + point(x(bins[len(bins)-1].To), plotBottom) + "Z"
}

func milliseconds(seconds float64) string {
	switch ms := 1000 * seconds; {
	case math.IsNaN(ms):
		return "–"
	case ms < 10:
		return strconv.FormatFloat(ms, 'g', 3, 64) + "\u00a0ms"
	case ms < 1000:
		return strconv.FormatFloat(ms, 'f', 0, 64) + "\u00a0ms"
	}
	return strconv.FormatFloat(seconds, 'g', 3, 64) + "\u00a0s"
}
