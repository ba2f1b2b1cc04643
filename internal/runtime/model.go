package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
)

// Session runs a graph. It is safe for concurrent use.
type Session interface {
	// Run reads the inputs and fills the outputs, in the order of the signature, n rows each.
	Run(n int, inputs, outputs [][]byte) error
	// Close frees the session; no Run is in flight.
	Close() error
}

// Bounds of a Model. The zero value of a field means its default.
type Bounds struct {
	// Batch is the most rows of one request; default 16.
	Batch int
	// Concurrent is the most runs at once; default 1, because one run already uses every intra-op thread.
	Concurrent int
	// Waiting is the most requests that wait for a run; default 64.
	Waiting int
	// Timeout is the most time for one request, waiting included; default 60 s.
	Timeout time.Duration
}

func (b Bounds) withDefaults() Bounds {
	if b.Batch <= 0 {
		b.Batch = 16
	}
	if b.Concurrent <= 0 {
		b.Concurrent = 1
	}
	if b.Waiting <= 0 {
		b.Waiting = 64
	}
	if b.Timeout <= 0 {
		b.Timeout = time.Minute
	}
	return b
}

// Model serves a session as an oip.Model.
type Model struct {
	signature oip.Signature
	session   Session
	bounds    Bounds
	slots     chan struct{}
	waiting   atomic.Int64
	draining  atomic.Bool
}

// NewModel serves session, which keeps signature.
func NewModel(signature oip.Signature, session Session, bounds Bounds) *Model {
	bounds = bounds.withDefaults()
	return &Model{signature: signature, session: session, bounds: bounds, slots: make(chan struct{}, bounds.Concurrent)}
}

// Metadata describes the model.
func (m *Model) Metadata() oip.ModelMetadata {
	return oip.ModelMetadata{
		Name: oip.ModelName, Versions: []string{"1"}, Platform: "onnxruntime_onnx",
		Inputs: m.signature.Inputs(), Outputs: m.signature.Outputs(),
	}
}

// Ready is nil until Drain.
func (m *Model) Ready() error {
	if m.draining.Load() {
		return errors.New("draining")
	}
	return nil
}

// Drain turns readiness off; requests are still answered.
func (m *Model) Drain() { m.draining.Store(true) }

// Close waits for the runs in flight and frees the session. No request may come afterwards.
func (m *Model) Close() error {
	for range m.bounds.Concurrent {
		m.slots <- struct{}{}
	}
	return m.session.Close()
}

// Infer checks a request against the signature, waits for a slot and runs it.
func (m *Model) Infer(ctx context.Context, req oip.Request) (oip.Response, error) {
	n, err := oip.Conform(m.signature.Inputs(), req.Inputs, m.bounds.Batch)
	if err != nil {
		return oip.Response{}, err
	}
	wanted, err := m.wanted(req.Outputs)
	if err != nil {
		return oip.Response{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, m.bounds.Timeout)
	defer cancel()
	if err := m.acquire(ctx); err != nil {
		return oip.Response{}, err
	}
	outputs, err := m.run(ctx, n, req)
	if err != nil {
		return oip.Response{}, err
	}
	resp := oip.Response{ModelName: oip.ModelName, ModelVersion: "1"}
	for _, out := range outputs {
		if wanted[out.Name] {
			resp.Outputs = append(resp.Outputs, out)
		}
	}
	return resp, nil
}

func (m *Model) wanted(names []string) (map[string]bool, error) {
	known := map[string]bool{}
	for _, out := range m.signature.Outputs() {
		known[out.Name] = true
	}
	if len(names) == 0 {
		return known, nil
	}
	wanted := map[string]bool{}
	for _, name := range names {
		if !known[name] {
			return nil, oip.Refuse(oip.CodeTensor, "there is no output %q", name)
		}
		wanted[name] = true
	}
	return wanted, nil
}

func (m *Model) acquire(ctx context.Context) error {
	select {
	case m.slots <- struct{}{}:
		return nil
	default:
	}
	defer m.waiting.Add(-1)
	if m.waiting.Add(1) > int64(m.bounds.Waiting) {
		return oip.Refuse(oip.CodeOverloaded, "%d requests are waiting already", m.bounds.Waiting)
	}
	select {
	case m.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &oip.Error{Code: oip.CodeDeadline, Detail: "no run was free in time", Cause: ctx.Err()}
	}
}

// run holds the slot until the session is done, also when the caller stops waiting: a run cannot be taken back.
func (m *Model) run(ctx context.Context, n int, req oip.Request) ([]oip.Tensor, error) {
	inputs := make([][]byte, 0, 3)
	for _, meta := range m.signature.Inputs() {
		t, _ := req.Input(meta.Name)
		inputs = append(inputs, t.Data)
	}
	tensors := make([]oip.Tensor, 0, 3)
	outputs := make([][]byte, 0, 3)
	for _, meta := range m.signature.Outputs() {
		shape := append([]int64{int64(n)}, meta.Shape[1:]...)
		data := make([]byte, shape[0]*shape[1]*shape[2]*shape[3])
		outputs = append(outputs, data)
		tensors = append(tensors, oip.Tensor{Name: meta.Name, Datatype: meta.Datatype, Shape: shape, Data: data})
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-m.slots }()
		done <- m.session.Run(n, inputs, outputs)
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, &oip.Error{Code: oip.CodeInternal, Detail: "the model failed on this request", Cause: err}
		}
		return tensors, nil
	case <-ctx.Done():
		return nil, &oip.Error{Code: oip.CodeDeadline, Detail: fmt.Sprintf("the answer was not ready within %s", m.bounds.Timeout), Cause: ctx.Err()}
	}
}
