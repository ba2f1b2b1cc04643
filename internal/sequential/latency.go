package sequential

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

const (
	// binsPerOctave is the histogram's resolution: neighbouring edges differ by 2^(1/16), 4.4 % (scale 4 of OpenTelemetry's exponential histogram).
	binsPerOctave = 16
	// firstEdge and edges: 1 ms to 131 s in 17 octaves. What is faster or slower is counted beyond the end.
	firstEdge = time.Millisecond
	edges     = 17*binsPerOctave + 1
)

// Latencies are the sufficient statistics of paired latencies for one ratio r = candidate / stable. At every edge t of a logarithmic
// histogram they count the requests that the stable version answered later than t, and those for which the two versions disagree:
// the candidate later than r·t but the stable version by t ("slower"), or the other way round ("faster"). Making the comparison at
// the sidecar, where the pair is known, keeps what a pair of histograms would lose: how much two latencies of one request have in common.
// The value of NewLatencies(r) is an empty block. Values are comparable and may be copied; they are about 7 kB in memory, and 1 to 2 KiB in JSON.
type Latencies struct {
	ratio float64
	n     int64
	// later[i] counts stable latencies > edge i; slower[i] and faster[i] count the pairs that disagree there.
	later, slower, faster [edges]int64
}

// NewLatencies gives an empty block that compares candidate latencies with ratio times the stable ones, 0.1 to 10: the gate's margin.
func NewLatencies(ratio float64) (Latencies, error) {
	l := Latencies{ratio: ratio}
	return l, l.check()
}

// Ratio is the r that the pairs are compared at.
func (l *Latencies) Ratio() float64 { return l.ratio }

// N counts pairs.
func (l *Latencies) N() int64 { return l.n }

// Observe counts one pair. Latencies that are not positive are refused with ErrInvalid and not counted.
func (l *Latencies) Observe(stable, candidate time.Duration) error {
	if stable <= 0 || candidate <= 0 {
		return fmt.Errorf("%w: latencies %s and %s", ErrInvalid, stable, candidate)
	}
	if l.n >= MaxRequests {
		return tooMany(l.n + 1)
	}
	s, c := edgesBelow(stable.Seconds()), edgesBelow(candidate.Seconds()/l.ratio)
	l.n++
	for i := range s {
		l.later[i]++
	}
	for i := s; i < c; i++ {
		l.slower[i]++
	}
	for i := c; i < s; i++ {
		l.faster[i]++
	}
	return nil
}

// edgesBelow counts the edges that are smaller than a latency.
func edgesBelow(seconds float64) int {
	below := math.Ceil(binsPerOctave * math.Log2(seconds/firstEdge.Seconds()))
	return int(min(max(below, 0), edges))
}

// edge gives edge i in seconds.
func edge(i int) float64 { return firstEdge.Seconds() * math.Exp2(float64(i)/binsPerOctave) }

// Add gives the statistics of both blocks together. Blocks of another ratio are refused. On an error, which wraps ErrInvalid, l is
// returned as it was.
func (l Latencies) Add(block Latencies) (Latencies, error) {
	if err := block.check(); err != nil {
		return l, err
	}
	if block.ratio != l.ratio {
		return l, fmt.Errorf("%w: latencies compared at the ratio %g, not %g", ErrInvalid, block.ratio, l.ratio)
	}
	if l.n+block.n > MaxRequests {
		return l, tooMany(l.n + block.n)
	}
	sum := l
	sum.n += block.n
	for i := range edges {
		sum.later[i] += block.later[i]
		sum.slower[i] += block.slower[i]
		sum.faster[i] += block.faster[i]
	}
	return sum, nil
}

// check refuses what no n pairs can give: both exceedance counts fall along the edges, and the disagreements fit into them.
func (l *Latencies) check() error {
	if !(l.ratio >= 0.1 && l.ratio <= 10) {
		return fmt.Errorf("%w: a latency ratio of %g, allowed are 0.1 to 10", ErrInvalid, l.ratio)
	}
	if err := checkCounts(l.n); err != nil {
		return err
	}
	stable, candidate := l.n, l.n
	for i := range edges {
		later, slower, faster := l.later[i], l.slower[i], l.faster[i]
		if later < 0 || later > stable || faster < 0 || faster > later || slower < 0 || slower > l.n-later {
			return fmt.Errorf("%w: latency counts %d, %d, %d at edge %d", ErrInvalid, later, slower, faster, i)
		}
		if later+slower-faster > candidate {
			return fmt.Errorf("%w: the candidate's latencies rise at edge %d", ErrInvalid, i)
		}
		stable, candidate = later, later+slower-faster
	}
	return nil
}

// candidateLater counts the candidate's latencies > ratio·edge i.
func (l *Latencies) candidateLater(i int) int64 { return l.later[i] + l.slower[i] - l.faster[i] }

// quantile interpolates in a histogram given by its exceedance counts, as Prometheus does. NaN without evidence; the last edge for what lies beyond it.
func (l *Latencies) quantile(level float64, later func(i int) int64) float64 {
	if l.n == 0 {
		return math.NaN()
	}
	want, before, from := (1-level)*float64(l.n), float64(l.n), 0.0
	for i := range edges {
		here := float64(later(i))
		if here <= want {
			return from + (edge(i)-from)*(before-want)/(before-here)
		}
		before, from = here, edge(i)
	}
	return edge(edges - 1)
}

// wireLatencies is the JSON form: only the edges at which something can be learnt, from First on.
type wireLatencies struct {
	Ratio  float64 `json:"ratio"`
	N      int64   `json:"n"`
	First  int     `json:"first"`
	Later  []int64 `json:"later"`
	Slower []int64 `json:"slower"`
	Faster []int64 `json:"faster"`
}

// MarshalJSON leaves out the edges that all latencies exceed, and those that none does.
func (l Latencies) MarshalJSON() ([]byte, error) {
	first, end := 0, edges
	for first < edges && l.later[first] == l.n && l.faster[first] == 0 {
		first++
	}
	for end > first && l.later[end-1] == 0 && l.slower[end-1] == 0 {
		end--
	}
	return json.Marshal(wireLatencies{l.ratio, l.n, first, l.later[first:end], l.slower[first:end], l.faster[first:end]})
}

// UnmarshalJSON is strict: unknown fields, arrays of different length and impossible counts are refused with ErrInvalid.
func (l *Latencies) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var w wireLatencies
	if err := decoder.Decode(&w); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if w.First < 0 || w.First > edges || len(w.Later) > edges-w.First || len(w.Slower) != len(w.Later) || len(w.Faster) != len(w.Later) {
		return fmt.Errorf("%w: latency counts from edge %d on with lengths %d, %d, %d", ErrInvalid, w.First, len(w.Later), len(w.Slower), len(w.Faster))
	}
	read := Latencies{ratio: w.Ratio, n: w.N}
	for i := range w.First {
		read.later[i] = w.N
	}
	copy(read.later[w.First:], w.Later)
	copy(read.slower[w.First:], w.Slower)
	copy(read.faster[w.First:], w.Faster)
	if err := read.check(); err != nil {
		return err
	}
	*l = read
	return nil
}
