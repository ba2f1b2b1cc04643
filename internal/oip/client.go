package oip

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client asks a model server. It is safe for concurrent use.
type Client struct {
	base   string
	http   *http.Client
	limits Limits
}

// NewClient makes a client of the server at base, for example "http://127.0.0.1:8500". transport nil means one of its own, without proxy or redirects.
func NewClient(base string, limits Limits, transport http.RoundTripper) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("reading the runtime's address: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("runtime address %q must be http://host:port", base)
	}
	if transport == nil {
		transport = &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, DisableCompression: true, ResponseHeaderTimeout: 5 * time.Minute}
	}
	return &Client{
		base:   strings.TrimSuffix(base, "/"),
		limits: limits.WithDefaults(),
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
	}, nil
}

// Ready is nil when the server is ready; instance is the server's instance id, empty when it has none.
func (c *Client) Ready(ctx context.Context) (instance string, err error) {
	_, header, err := c.call(ctx, http.MethodGet, "/v2/health/ready", nil, "")
	return header.Get(InstanceHeader), err
}

// WaitReady asks until the server is ready, or ctx ends; then the error says what the last answer was.
func (c *Client) WaitReady(ctx context.Context) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := c.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the runtime: %w", err)
		case <-tick.C:
		}
	}
}

// Metadata describes a model.
func (c *Client) Metadata(ctx context.Context, model string) (ModelMetadata, error) {
	var meta ModelMetadata
	body, _, err := c.call(ctx, http.MethodGet, "/v2/models/"+url.PathEscape(model), nil, "")
	if err != nil {
		return meta, err
	}
	// Not strict: servers add fields of their own here.
	if err := json.Unmarshal(body, &meta); err != nil {
		return meta, &Error{Code: CodeMalformed, Detail: "reading model metadata", Cause: err}
	}
	return meta, nil
}

// Infer asks a model, with binary tensors both ways. Errors are *Error; a peer's own code is kept when it sent one.
func (c *Client) Infer(ctx context.Context, model string, req Request) (Response, error) {
	req.BinaryOutputs = true
	body, headerLength, err := EncodeRequest(req)
	if err != nil {
		return Response{}, err
	}
	out, header, err := c.call(ctx, http.MethodPost, "/v2/models/"+url.PathEscape(model)+"/infer", body, headerLength)
	if err != nil {
		return Response{}, err
	}
	resp, err := DecodeResponse(out, header.Get(HeaderLength), c.limits)
	if err != nil {
		// What the peer sent is its fault, not the caller's.
		return Response{}, &Error{Code: CodeInternal, Detail: "the model server's answer is malformed", Cause: err}
	}
	return resp, nil
}

type traceKey struct{}

// TraceHeaders are the W3C trace context headers that a client passes on.
var TraceHeaders = []string{"Traceparent", "Tracestate"}

// WithTrace gives a context whose calls carry the trace headers of from.
func WithTrace(ctx context.Context, from http.Header) context.Context {
	trace := http.Header{}
	for _, name := range TraceHeaders {
		if v := from.Get(name); v != "" && len(v) <= 512 {
			trace.Set(name, v)
		}
	}
	return context.WithValue(ctx, traceKey{}, trace)
}

// TryOn is the pixels of one or more try-on requests, row-major, by the names of the serving signature.
type TryOn struct {
	// Person and Garment are RGB [n,h,w,3], GarmentMask is [n,h,w,1].
	Person, Garment, GarmentMask []byte
	// Parameters are passed on, nil for none.
	Parameters map[string]any
}

// Result is the pixels of the answers.
type Result struct {
	// Image is RGB [n,h,w,3]; the masks are [n,h,w,1].
	Image, WarpedMask, CompositeMask []byte
}

// TryOn asks the model "tryon" for n rows and checks the answer against the signature.
func (c *Client) TryOn(ctx context.Context, s Signature, n int, in TryOn) (Result, error) {
	req, err := s.Request(n, in)
	if err != nil {
		return Result{}, err
	}
	resp, err := c.Infer(ctx, ModelName, req)
	if err != nil {
		return Result{}, err
	}
	return s.Result(n, resp)
}

// Request makes the request of n rows. Pixels that do not fit the signature are refused.
func (s Signature) Request(n int, in TryOn) (Request, error) {
	shape := func(channels int64) []int64 { return []int64{int64(n), int64(s.Height), int64(s.Width), channels} }
	req := Request{Parameters: in.Parameters, BinaryOutputs: true, Inputs: []Tensor{
		{Name: InputPerson, Datatype: Uint8, Shape: shape(3), Data: in.Person},
		{Name: InputGarment, Datatype: Uint8, Shape: shape(3), Data: in.Garment},
		{Name: InputGarmentMask, Datatype: Uint8, Shape: shape(1), Data: in.GarmentMask},
	}}
	_, err := Conform(s.Inputs(), req.Inputs, n)
	return req, err
}

// Result reads the answer to n rows, which has to keep to the signature.
func (s Signature) Result(n int, resp Response) (Result, error) {
	got, err := Conform(s.Outputs(), resp.Outputs, n)
	if err == nil && got != n {
		err = Refuse(CodeShape, "%d rows were answered to %d", got, n)
	}
	if err != nil {
		return Result{}, &Error{Code: CodeInternal, Detail: "the model server's answer breaks the signature", Cause: err}
	}
	image, _ := resp.Output(OutputImage)
	warped, _ := resp.Output(OutputWarpedMask)
	composite, _ := resp.Output(OutputCompositeMask)
	return Result{Image: image.Data, WarpedMask: warped.Data, CompositeMask: composite.Data}, nil
}

func (c *Client) call(ctx context.Context, method, path string, body []byte, headerLength string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, &Error{Code: CodeMalformed, Detail: "making request", Cause: err}
	}
	if trace, ok := ctx.Value(traceKey{}).(http.Header); ok {
		maps.Copy(req.Header, trace)
	}
	if headerLength != "" {
		req.Header.Set(HeaderLength, headerLength)
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := readSized(io.LimitReader(resp.Body, c.limits.BodyBytes+1), resp.ContentLength)
	switch {
	case err != nil:
		return nil, nil, transportError(ctx, err)
	case int64(len(out)) > c.limits.BodyBytes:
		return nil, nil, &Error{Code: CodeInternal, Detail: "the model server's answer is over the limit"}
	case resp.StatusCode != http.StatusOK:
		return nil, resp.Header, peerError(resp.StatusCode, out)
	}
	return out, resp.Header, nil
}

func transportError(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{Code: CodeDeadline, Detail: "the model server did not answer in time", Cause: err}
	}
	return &Error{Code: CodeUnavailable, Detail: "the model server cannot be reached", Cause: err}
}

// peerError keeps a code that the peer sent and that fits its status.
func peerError(status int, body []byte) error {
	var wire wireError
	_ = json.Unmarshal(body, &wire)
	if wire.Code != "" && wire.Code.Status() == status {
		return &Error{Code: wire.Code, Detail: clip(wire.Error)}
	}
	code := CodeInternal
	switch status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		code = CodeUnavailable
	case http.StatusGatewayTimeout:
		code = CodeDeadline
	case http.StatusNotFound:
		code = CodeNotFound
	}
	return &Error{Code: code, Detail: fmt.Sprintf("the model server answered %d: %s", status, clip(wire.Error))}
}
