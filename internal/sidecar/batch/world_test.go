package batch

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/scale/predict"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/queue"
)

var shape = predict.Shape{Height: 256, Width: 192, Batch: 1}

// server is a model server that takes a second for a run and answers each row with itself. What a real one does is tested with the sidecar.
type server struct {
	most   int
	answer func(rows []oip.TryOn) error

	mu    sync.Mutex
	asked []string
}

func (s *server) Batch() int { return s.most }

func (s *server) TryOn(ctx context.Context, rows []oip.TryOn) ([]oip.Result, error) {
	names := ""
	out := make([]oip.Result, 0, len(rows))
	for _, row := range rows {
		names += string(row.Person)
		out = append(out, oip.Result{Image: row.Person})
	}
	s.mu.Lock()
	s.asked = append(s.asked, names)
	s.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, problem.Ended(ctx, "It was cut off.")
	}
	if s.answer != nil {
		if err := s.answer(rows); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// world is a batcher with those who wait for it.
type world struct {
	*Batcher
	t       *testing.T
	server  *server
	mu      sync.Mutex
	ran     map[string][]int
	answers map[string]Answer
	errs    map[string]error
}

func begin(t *testing.T, most int, answer func(rows []oip.TryOn) error) *world {
	w := &world{t: t, server: &server{most: most, answer: answer}, ran: map[string][]int{}, answers: map[string]Answer{}, errs: map[string]error{}}
	q := queue.New(queue.Bounds{Concurrent: 1, Waiting: 50, PerMegapixel: time.Millisecond})
	w.Batcher = New(q, w.server, shape, func(outcome string, requests int) {
		w.mu.Lock()
		w.ran[outcome] = append(w.ran[outcome], requests)
		w.mu.Unlock()
	})
	return w
}

// asks has each letter's request come, in their order.
func (w *world) asks(ctx context.Context, names string) {
	for _, name := range names {
		w.ask(ctx, oip.TryOn{Person: []byte(string(name))})
	}
}

func (w *world) ask(ctx context.Context, row oip.TryOn) {
	go func() {
		answer, err := w.TryOn(ctx, row)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.answers[string(row.Person)], w.errs[string(row.Person)] = answer, err
	}()
	synctest.Wait()
}

// end waits until all have their answers, and checks who was asked with whom.
func (w *world) end(wantAsked ...string) {
	w.t.Helper()
	<-time.After(time.Minute)
	synctest.Wait()
	if diff := cmp.Diff(wantAsked, w.server.asked); diff != "" {
		w.t.Error(diff)
	}
	if w.queue.Waiting() != 0 || w.queue.TryEnter(shape) == nil {
		w.t.Error("a run is left in the model server")
	}
}

// wantAnswers checks that these have their own answers, and those alone.
func (w *world) wantAnswers(names string) {
	w.t.Helper()
	got := ""
	for name, err := range w.errs {
		if err != nil {
			continue
		}
		got += name
		if out := string(w.answers[name].Out.Image); out != name {
			w.t.Errorf("%s got the answer of %s", name, out)
		}
	}
	if chars := []byte(got); string(slices.Sorted(slices.Values(chars))) != names {
		w.t.Errorf("answered: %q, want %q; %v", chars, names, w.errs)
	}
}

func (w *world) wantCode(name string, want problem.Code) {
	w.t.Helper()
	if got := problem.Of(w.errs[name]).Code; w.errs[name] == nil || got != want {
		w.t.Errorf("%s: %v, want %s", name, w.errs[name], want)
	}
}

func has(rows []oip.TryOn, name string) bool {
	return slices.ContainsFunc(rows, func(row oip.TryOn) bool { return string(row.Person) == name })
}
