package intake

import (
	"errors"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// Gate bounds requests of any stage, and the memory and time of their bodies.
type Gate struct {
	requests, bytes *semaphore.Weighted
	patience        time.Duration
}

// NewGate makes a gate for so many requests with so many bytes of bodies at once; a body must arrive within patience.
func NewGate(requests int, bytes int64, patience time.Duration) *Gate {
	return &Gate{requests: semaphore.NewWeighted(int64(requests)), bytes: semaphore.NewWeighted(bytes), patience: patience}
}

// Admit lets a request in whose body has length bytes (negative: unknown) of at most most. It refuses at once and never waits. Errors are
// *problem.Problem.
func (g *Gate) Admit(length, most int64) (release func(), err error) {
	if length > most {
		return nil, problem.New(problem.CodeTooLarge, "The body has %d bytes, %d are allowed.", length, most)
	}
	if length < 0 {
		length = most
	}
	if !g.requests.TryAcquire(1) {
		return nil, problem.New(problem.CodeOverloaded, "Too many requests are in flight.").After(time.Second)
	}
	// A body is held once as it came and once as its parts.
	if !g.bytes.TryAcquire(2 * length) {
		g.requests.Release(1)
		return nil, problem.New(problem.CodeOverloaded, "Too many bytes are in flight.").After(time.Second)
	}
	return func() {
		g.bytes.Release(2 * length)
		g.requests.Release(1)
	}, nil
}

// ReadBody reads a body of at most limit bytes, in time. Errors are *problem.Problem.
func (g *Gate) ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(g.patience))
	body, err := oip.ReadBody(w, r, limit)
	// Without this the server would take the deadline for a client that has gone while the runtime works.
	_ = control.SetReadDeadline(time.Time{})
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem.New(problem.CodeTooSlow, "The body did not arrive within %s.", g.patience)
	case oip.CodeOf(err) == oip.CodeTooLarge:
		return nil, problem.New(problem.CodeTooLarge, "The body has more than the %d bytes that are allowed.", limit)
	case r.Context().Err() != nil:
		return nil, problem.Ended(r.Context(), "The body did not arrive in time.")
	}
	return nil, problem.Because(problem.CodeBadRequest, err, "The body ended early.")
}
