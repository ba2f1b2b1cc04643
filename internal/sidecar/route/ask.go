package route

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/intake"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/shopper"
)

// askedHeaders go to the candidate, returnedHeaders come back. Credentials and cookies are not among them.
var (
	askedHeaders    = append([]string{"Content-Type", "Accept", HeaderCapture}, oip.TraceHeaders...)
	returnedHeaders = []string{"Content-Type", "Cache-Control", "Tryon-Version", "Server-Timing", "X-Content-Type-Options"}
)

// maxReply bounds a candidate's reply, which is held until it is complete: so a failure never reaches the shopper.
const maxReply = 64 << 20

func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
			MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Reply is a complete reply of a candidate.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Write sends the reply on.
func (r Reply) Write(w http.ResponseWriter) {
	for _, name := range returnedHeaders {
		if v := r.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(r.Body)))
	w.WriteHeader(r.Status)
	// A client that has gone cannot be told so.
	_, _ = w.Write(r.Body)
}

// Request is a try-on as it came.
type Request struct {
	Header http.Header
	Body   []byte
}

// Ask sends a try-on to the candidate, once, and gives its reply when that is one which this pod might have given. The reply is read into the
// visit's memory.
func (t *Turn) Ask(ctx context.Context, try Request, visit *intake.Visit) (reply Reply, err error) {
	defer func() { t.tally.breaker.land(t.flight, err == nil, time.Now()) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(t.Candidate.Address, "/")+"/v1/tryon", bytes.NewReader(try.Body))
	if err != nil {
		return Reply{}, fmt.Errorf("making request: %w", err)
	}
	for name, values := range try.Header {
		if slices.Contains(askedHeaders, name) {
			maps.Copy(req.Header, http.Header{name: values})
		}
	}
	req.Header.Set(HeaderForwarded, "1")
	resp, err := t.router.client.Do(req)
	if err != nil {
		return Reply{}, fmt.Errorf("asking candidate: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if !acceptable(resp) {
		return Reply{}, fmt.Errorf("the candidate answered %s", resp.Status)
	}
	out, err := visit.ReadAll(resp.Body, resp.ContentLength, maxReply)
	if err != nil {
		return Reply{}, fmt.Errorf("reading candidate's reply: %w", err)
	}
	if !whole(resp, out) {
		return Reply{}, fmt.Errorf("the candidate's answer is no whole %.40q", resp.Header.Get("Content-Type"))
	}
	return Reply{Status: resp.StatusCode, Header: resp.Header, Body: out}, nil
}

// acceptable tells a try-on or a refusal that this pod would have made as well from what may be a fault of the candidate. That it finds no garment
// may be one: the catalogue is the same for both, and this pod looks for itself.
func acceptable(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusOK:
		kind := resp.Header.Get("Content-Type")
		return kind == shopper.TypePNG || kind == shopper.TypeJPEG || kind == shopper.TypeJSON
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return resp.Header.Get("Content-Type") == problem.ContentType
	}
	return false
}

// whole tells whether a reply begins and ends as its type does. A candidate's picture is not decoded again: its own sidecar has encoded it.
func whole(resp *http.Response, body []byte) bool {
	switch resp.Header.Get("Content-Type") {
	case shopper.TypePNG:
		return bytes.HasPrefix(body, []byte("\x89PNG\r\n\x1a\n")) && bytes.HasSuffix(body, []byte("IEND\xaeB`\x82"))
	case shopper.TypeJPEG:
		return bytes.HasPrefix(body, []byte("\xff\xd8\xff")) && bytes.HasSuffix(body, []byte("\xff\xd9"))
	}
	return json.Valid(body)
}
