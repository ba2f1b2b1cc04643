package sidecar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/oip"
)

// HeaderForwarded marks a request that a stable pod sent to its candidate; it is never sent on again.
const HeaderForwarded = "Tryon-Forwarded"

// forwardedHeaders go to the candidate, returnedHeaders come back. Credentials and cookies are not among them.
var (
	forwardedHeaders = append([]string{"Content-Type", "Accept"}, oip.TraceHeaders...)
	returnedHeaders  = []string{"Content-Type", "Cache-Control", "Tryon-Version", "Server-Timing", "X-Content-Type-Options"}
)

// maxForwardedReply bounds a candidate's reply, which is held until it is complete: so a failure never reaches the shopper.
const maxForwardedReply = 64 << 20

func newForwarder() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
			MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// forward gives the candidate its share. done is true when the candidate has answered; otherwise this pod answers as if nothing had happened.
// From its promotion until the old pods are gone, a pod of the new version still reads that it is the candidate: what it got is its own to answer.
func (s *Server) forward(ctx context.Context, w http.ResponseWriter, r *http.Request, body []byte) (done bool) {
	candidate := s.applied.Current().Candidate
	if candidate == nil || candidate.Version == s.options.Version || r.Header.Get(HeaderForwarded) != "" || !s.split.next(candidate.Weight) {
		return false
	}
	patience := s.options.ForwardTimeout
	if patience <= 0 {
		patience = s.options.RequestTimeout / 2
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reply, err := s.ask(ctx, *candidate, r, body)
	if err != nil {
		slog.Warn("Candidate did not answer, answering here", "version", candidate.Version, "err", err)
		s.metrics.fellBack()
		return false
	}
	s.metrics.forwardedTo(candidate.Version)
	for _, name := range returnedHeaders {
		if v := reply.header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(reply.body)))
	w.WriteHeader(reply.status)
	_, _ = w.Write(reply.body)
	return true
}

// candidateReply is a complete reply of a candidate.
type candidateReply struct {
	status int
	header http.Header
	body   []byte
}

func (s *Server) ask(ctx context.Context, candidate control.Candidate, r *http.Request, body []byte) (candidateReply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(candidate.Address, "/")+"/v1/tryon", bytes.NewReader(body))
	if err != nil {
		return candidateReply{}, fmt.Errorf("making request: %w", err)
	}
	for name, values := range r.Header {
		if slices.Contains(forwardedHeaders, name) {
			maps.Copy(req.Header, http.Header{name: values})
		}
	}
	req.Header.Set(HeaderForwarded, "1")
	resp, err := s.forwarder.Do(req)
	if err != nil {
		return candidateReply{}, fmt.Errorf("asking candidate: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(io.LimitReader(resp.Body, maxForwardedReply+1))
	switch {
	case err != nil:
		return candidateReply{}, fmt.Errorf("reading candidate's reply: %w", err)
	case len(out) > maxForwardedReply:
		return candidateReply{}, errors.New("the candidate's reply is over its limit")
	case !acceptable(resp):
		return candidateReply{}, fmt.Errorf("the candidate answered %s", resp.Status)
	}
	return candidateReply{resp.StatusCode, resp.Header, out}, nil
}

// acceptable tells a try-on or a refusal that this pod would have made as well from a fault of the candidate.
func acceptable(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusOK:
		kind := resp.Header.Get("Content-Type")
		return kind == typePNG || kind == typeJPEG || kind == typeJSON
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return resp.Header.Get("Content-Type") == "application/problem+json"
	}
	return false
}
