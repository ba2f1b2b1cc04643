package intake

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// Errors of ReadAll, beside those of its reader.
var (
	// ErrTooLong says that more bytes came than are allowed.
	ErrTooLong = errors.New("more bytes than allowed")
	// ErrNoMemory says that all visits together hold as many bytes as they may.
	ErrNoMemory = errors.New("too many bytes are in flight")
)

// A reader of a reply has grace, and then as long as a reader of leastRate bytes a second takes.
const (
	grace     = 10 * time.Second
	leastRate = 64 << 10
)

// firstRead is what is held for a request of which nothing has come yet.
const firstRead = 16 << 10

// Gate bounds the requests that are worked on, and the bytes that all requests hold. Whoever sends or reads slowly holds no place, and no more
// bytes than came: a crowd of slow clients must not keep others out.
type Gate struct {
	places, bytes *semaphore.Weighted
	patience      time.Duration
}

// NewGate makes a gate for so many requests at work and so many bytes at once; a body must arrive within patience.
func NewGate(requests int, bytes int64, patience time.Duration) *Gate {
	return &Gate{places: semaphore.NewWeighted(int64(requests)), bytes: semaphore.NewWeighted(bytes), patience: patience}
}

// Visit is what one request holds. It is of one goroutine.
type Visit struct {
	gate  *Gate
	most  int64
	bytes int64
	place bool
}

// Admit lets a request in whose body has length bytes (negative: unknown) of at most most, and refuses at once when no place is free now.
// The visit must be left. Errors are *problem.Problem.
func (g *Gate) Admit(length, most int64) (*Visit, error) {
	if length > most {
		return nil, problem.New(problem.CodeTooLarge, "The body has %d bytes, %d are allowed.", length, most)
	}
	v := &Visit{gate: g, most: most}
	if err := v.sit(); err != nil {
		return nil, err
	}
	v.stand()
	return v, nil
}

func (v *Visit) sit() error {
	if !v.gate.places.TryAcquire(1) {
		return problem.New(problem.CodeOverloaded, "Too many requests are in flight.").After(time.Second)
	}
	v.place = true
	return nil
}

func (v *Visit) stand() {
	if v.place {
		v.gate.places.Release(1)
		v.place = false
	}
}

// hold takes so many bytes more.
func (v *Visit) hold(n int64) error {
	if !v.gate.bytes.TryAcquire(n) {
		return ErrNoMemory
	}
	v.bytes += n
	return nil
}

// Leave gives everything back.
func (v *Visit) Leave() {
	v.stand()
	v.gate.bytes.Release(v.bytes)
	v.bytes = 0
}

// ReadBody reads the request's body in time, and then takes a place. Errors are *problem.Problem.
func (v *Visit) ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(v.gate.patience))
	body, err := v.ReadAll(r.Body, r.ContentLength, v.most)
	if err == nil {
		// Without this the server would take the deadline for a client that has gone while the runtime works. After an error it stays: the
		// server reads on in what is left of a body, and would wait for it without end.
		_ = control.SetReadDeadline(time.Time{})
		// A body is held once as it came and once as its parts.
		err = v.hold(int64(len(body)))
	} else {
		w.Header().Set("Connection", "close")
	}
	switch {
	case err == nil:
		return body, v.sit()
	case errors.Is(err, ErrTooLong):
		return nil, problem.New(problem.CodeTooLarge, "The body has more than the %d bytes that are allowed.", v.most)
	case errors.Is(err, ErrNoMemory):
		return nil, problem.New(problem.CodeOverloaded, "Too many bytes are in flight.").After(time.Second)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem.New(problem.CodeTooSlow, "The body did not arrive within %s.", v.gate.patience)
	case r.Context().Err() != nil:
		return nil, problem.Ended(r.Context(), "The body did not arrive in time.")
	}
	return nil, problem.Because(problem.CodeBadRequest, err, "The body ended early.")
}

// ReadAll reads at most limit bytes, for which it takes memory as they come; declared is their number when that is known, else negative.
// Errors are ErrTooLong, ErrNoMemory, or the reader's.
func (v *Visit) ReadAll(r io.Reader, declared, limit int64) ([]byte, error) {
	if declared > limit {
		return nil, ErrTooLong
	}
	var buf []byte
	for {
		if len(buf) == cap(buf) {
			// One byte more shows the end, or that there is none.
			size := min(max(firstRead, 2*int64(cap(buf))), limit+1)
			if declared >= 0 {
				size = min(size, declared+1)
			}
			if int64(len(buf)) >= size {
				return nil, ErrTooLong
			}
			if err := v.hold(size - int64(cap(buf))); err != nil {
				return nil, err
			}
			buf = append(make([]byte, 0, size), buf...)
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, ErrTooLong
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		}
	}
}

// Reply exchanges what the request held for the n bytes of its reply, and bounds the time that its reader has. The error is a *problem.Problem.
func (v *Visit) Reply(w http.ResponseWriter, n int) error {
	v.Leave()
	if err := v.hold(int64(n)); err != nil {
		return problem.New(problem.CodeOverloaded, "Too many bytes are in flight.").After(time.Second)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(grace + time.Duration(n)*time.Second/leastRate))
	return nil
}
