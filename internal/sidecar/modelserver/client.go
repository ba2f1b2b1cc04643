package modelserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/intake"
	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// Options say where the model server is and what it serves.
type Options struct {
	// URL is its base URL.
	URL string
	// Weights is the folder with signature.json and golden/.
	Weights string
	// TensorBytes bounds a request and an answer.
	TensorBytes int64
	// Batch is how many try-ons may be asked at once, where the model server takes so many; at least 1.
	Batch int
	// Patience is how long a runtime that was ready and has gone is waited for.
	Patience time.Duration
	// Checked is told the outcome of each check of the golden requests: Passed, Failed or Errored.
	Checked func(outcome string)
	// Ran is told how long the model server took for so many golden requests at once, with nothing beside them.
	Ran func(requests int, took time.Duration)
}

// Client asks the model server of this pod.
type Client struct {
	options   Options
	signature oip.Signature
	protocol  *oip.Client
	relayer   *http.Client
	watch     *watch
	// batch is how many try-ons the model server has shown to take at once.
	batch atomic.Int64
}

// New reads the signature; nothing is asked yet.
func New(o Options) (*Client, error) {
	signature, err := readSignature(o.Weights)
	if err != nil {
		return nil, err
	}
	// A dial on the loopback interface is fast or fails.
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
		MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, DisableCompression: true, ResponseHeaderTimeout: 5 * time.Minute,
	}
	protocol, err := oip.NewClient(o.URL, oip.Limits{BodyBytes: o.TensorBytes}, transport)
	if err != nil {
		return nil, err
	}
	relayer := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c := &Client{options: o, signature: signature, protocol: protocol, relayer: relayer, watch: newWatch()}
	c.batch.Store(1)
	return c, nil
}

func readSignature(dir string) (oip.Signature, error) {
	f, err := os.Open(filepath.Join(dir, "signature.json"))
	if err != nil {
		return oip.Signature{}, fmt.Errorf("opening signature: %w", err)
	}
	defer func() { _ = f.Close() }()
	return oip.ReadSignature(f)
}

// Signature is what the served model takes and gives.
func (c *Client) Signature() oip.Signature { return c.signature }

// Close closes idle connections.
func (c *Client) Close() { c.relayer.CloseIdleConnections() }

// Row makes the model's input; seed is nil when none was given.
func Row(in picture.Inputs, seed *int64) oip.TryOn {
	row := oip.TryOn{Person: in.Person, Garment: in.Garment, GarmentMask: in.GarmentMask}
	if seed != nil {
		row.Parameters = map[string]any{"seed": *seed}
	}
	return row
}

// TryOn asks for one or more try-ons at once, and gives their answers in the same order. Of several none has parameters. Errors are *problem.Problem.
func (c *Client) TryOn(ctx context.Context, rows []oip.TryOn) ([]oip.Result, error) {
	out, err := c.protocol.TryOn(ctx, c.signature, len(rows), stack(rows))
	if err != nil {
		return nil, c.problem(ctx, err)
	}
	return unstack(out, len(rows)), nil
}

func (c *Client) problem(ctx context.Context, err error) *problem.Problem {
	if ctx.Err() != nil {
		return problem.Ended(ctx, "The model server did not answer in time.")
	}
	switch oip.CodeOf(err) {
	case oip.CodeUnavailable:
		return c.unreachable(err)
	case oip.CodeOverloaded:
		return problem.Because(problem.CodeOverloaded, err, "The model server's queue is full.").After(time.Second)
	case oip.CodeDeadline:
		return problem.Because(problem.CodeDeadlineExceeded, err, "The model server did not answer in time.")
	}
	return problem.Because(problem.CodeRuntimeFailed, err, "It answered with an error.").After(time.Second)
}

// unreachable has the model server looked at now: readiness must not wait for the next probe.
func (c *Client) unreachable(err error) *problem.Problem {
	c.watch.wake()
	return problem.Because(problem.CodeRuntimeUnavailable, err, "It does not answer.").After(time.Second)
}

var (
	relayedRequestHeaders  = append([]string{"Content-Type", "Accept", oip.HeaderLength}, oip.TraceHeaders...)
	relayedResponseHeaders = []string{"Content-Type", "Retry-After", "Allow", oip.HeaderLength}
)

// Answer is a complete answer of the inference protocol.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Write sends the answer on.
func (a Answer) Write(w http.ResponseWriter) {
	copyHeaders(w.Header(), a.Header, relayedResponseHeaders)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	// A client that has gone cannot be told so.
	_, _ = w.Write(a.Body)
}

// Relay sends a request of the inference protocol on with the given body. The answer is read whole, into the visit's memory: so a slow reader does
// not hold the runtime, and an answer that is cut or endless is still told as such. Errors are *problem.Problem.
func (c *Client) Relay(ctx context.Context, r *http.Request, body []byte, visit *intake.Visit) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, strings.TrimSuffix(c.options.URL, "/")+r.URL.EscapedPath(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, problem.Because(problem.CodeBadRequest, err, "The path is refused.")
	}
	copyHeaders(req.Header, r.Header, relayedRequestHeaders)
	resp, err := c.relayer.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return Answer{}, problem.Ended(ctx, "The model server did not answer in time.")
		}
		return Answer{}, c.unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := visit.ReadAll(resp.Body, resp.ContentLength, c.options.TensorBytes)
	switch {
	case err == nil:
		return Answer{Status: resp.StatusCode, Header: resp.Header, Body: out}, nil
	case errors.Is(err, intake.ErrNoMemory):
		return Answer{}, problem.Because(problem.CodeOverloaded, err, "Too many bytes are in flight.").After(time.Second)
	case ctx.Err() != nil:
		return Answer{}, problem.Ended(ctx, "The model server did not answer in time.")
	}
	return Answer{}, problem.Because(problem.CodeRuntimeFailed, err, "Its answer is cut or over the limit.")
}

func copyHeaders(to, from http.Header, names []string) {
	for _, name := range names {
		if values := from.Values(name); len(values) > 0 {
			to[http.CanonicalHeaderKey(name)] = values
		}
	}
}
