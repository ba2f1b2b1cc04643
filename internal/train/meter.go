package train

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/braincreators/tryon-operator/internal/task"
)

// Phases of a stage as its progress shows them.
const (
	phaseFetching   = "Fetching"
	phaseTraining   = "Training"
	phasePublishing = "Publishing"
)

const progressSchema = "tryon.progress/v1"

// maxSummaryMetrics bounds the metrics that leave the pod; they must fit an envelope.
const maxSummaryMetrics = 16

// Progress is the answer of GET /progress.
type Progress struct {
	Schema     string             `json:"schema"`
	Step       int64              `json:"step"`
	TotalSteps int64              `json:"totalSteps"`
	Epoch      int64              `json:"epoch"`
	Metrics    map[string]float64 `json:"metrics"`
	StartedAt  time.Time          `json:"startedAt"`
	UpdatedAt  time.Time          `json:"updatedAt"`
	// ResumedFrom is the step of the checkpoint that this attempt goes on from, 0 for none; known once it is not Fetching any more.
	ResumedFrom int64 `json:"resumedFrom"`
	// Phase is Fetching, Training or Publishing.
	Phase string `json:"phase"`
}

// meter holds the newest progress and knows what is healthy.
type meter struct {
	checks []task.HealthCheck
	now    func() time.Time

	mu      sync.Mutex
	current Progress
}

func newMeter(checks []task.HealthCheck, now func() time.Time) *meter {
	at := now().UTC()
	return &meter{checks: checks, now: now, current: Progress{Schema: progressSchema, StartedAt: at, UpdatedAt: at, Phase: phaseFetching}}
}

func (m *meter) enter(phase string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current.Phase, m.current.UpdatedAt = phase, m.now().UTC()
}

// train enters the phase in which the command runs, from the checkpoint of a step.
func (m *meter) train(resumed int64) {
	m.mu.Lock()
	m.current.ResumedFrom = resumed
	m.mu.Unlock()
	m.enter(phaseTraining)
}

// snapshot gives the newest progress.
func (m *meter) snapshot() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	shown := m.current
	shown.Metrics = maps.Clone(m.current.Metrics)
	return shown
}

// healthyStep is the newest step whose metrics were good.
func (m *meter) healthyStep() int64 { return m.snapshot().Step }

// accept takes a line in, or gives the reason why the stage must stop.
func (m *meter) accept(p progress) error {
	if err := m.health(p); err != nil {
		return err
	}
	shown := map[string]float64{}
	for _, name := range slices.Sorted(maps.Keys(p.metrics)) {
		if finite(p.metrics[name]) && len(shown) < maxSummaryMetrics {
			shown[name] = p.metrics[name]
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current.Step, m.current.TotalSteps, m.current.Epoch = p.step, p.totalSteps, p.epoch
	m.current.Metrics, m.current.UpdatedAt = shown, m.now().UTC()
	return nil
}

func (m *meter) health(p progress) error {
	for _, name := range slices.Sorted(maps.Keys(p.metrics)) {
		if isLoss(name) && !finite(p.metrics[name]) {
			return failed(ReasonNonFiniteLoss, fmt.Errorf("%s is %v at step %d", name, p.metrics[name], p.step))
		}
	}
	for _, check := range m.checks {
		value, reported := p.metrics[check.Metric]
		if !reported || p.step < check.AfterStep {
			continue
		}
		if math.IsNaN(value) || (check.Min != nil && value < *check.Min) || (check.Max != nil && value > *check.Max) {
			return failed(ReasonMetricOutOfBounds,
				fmt.Errorf("%s is %v at step %d, outside %s..%s", check.Metric, value, p.step, bound(check.Min), bound(check.Max)))
		}
	}
	return nil
}

func bound(b *float64) string {
	if b == nil {
		return "∞"
	}
	return fmt.Sprint(*b)
}

func isLoss(name string) bool { return strings.HasSuffix(strings.ToLower(name), "loss") }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// serve answers GET /progress at address until the returned function is called; an empty address serves nothing.
func (m *meter) serve(ctx context.Context, address string) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("opening the progress port: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /progress", func(w http.ResponseWriter, _ *http.Request) {
		body, err := json.Marshal(m.snapshot())
		if err != nil {
			http.Error(w, "encoding progress", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	server := &http.Server{
		Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 8 << 10,
	}
	go func() { _ = server.Serve(listener) }()
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		_ = server.Close()
	}, nil
}
