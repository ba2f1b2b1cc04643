package metrics

import (
	"fmt"
	"strings"
	"time"
)

// Timings measures the stages of one try-on.
type Timings struct {
	metrics *Metrics
	last    time.Time
	parts   []string
}

// Timings starts to measure.
func (m *Metrics) Timings() *Timings { return &Timings{metrics: m, last: time.Now()} }

// Lap ends a stage and starts the next.
func (t *Timings) Lap(stage string) { t.LapAt(stage, time.Now()) }

// LapAt ends a stage that ended at some time, and starts the next there.
func (t *Timings) LapAt(stage string, end time.Time) {
	took := end.Sub(t.last)
	t.last = end
	t.metrics.stages.WithLabelValues(stage).Observe(took.Seconds())
	t.parts = append(t.parts, fmt.Sprintf("%s;dur=%.1f", stage, float64(took)/float64(time.Millisecond)))
}

// Header is the Server-Timing header's value.
func (t *Timings) Header() string { return strings.Join(t.parts, ", ") }
