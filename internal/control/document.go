package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/braincreators/tryon-operator/internal/strict"
)

const (
	// Schema of the control document.
	Schema = "tryon.control/v1"
	// StatusSchema of the status.
	StatusSchema = "tryon.control-status/v1"
	// Key is the document's key in its ConfigMap.
	Key = "control.json"
	// MaxBytes bounds a document, and MaxStatusBytes a status.
	MaxBytes       = 64 << 10
	MaxStatusBytes = 64 << 10
)

// ErrInvalid says that a document or a status is refused.
var ErrInvalid = errors.New("invalid control document")

// Candidate is the version that is tried.
type Candidate struct {
	// Version is the name of its TryOnModelVersion.
	Version string `json:"version"`
	// Address is the base URL of its Service.
	Address string `json:"address"`
	// Weight is the share of requests that it answers, 0..100.
	Weight int `json:"weight"`
}

// Document is what a sidecar must do now.
type Document struct {
	Schema string `json:"schema"`
	// Generation grows with every change; a sidecar never goes back.
	Generation int64 `json:"generation"`
	// Candidate is nil when all traffic stays.
	Candidate *Candidate `json:"candidate"`
	// Shadow is nil when nothing is copied. It does not depend on the candidate's weight.
	Shadow *Shadow `json:"shadow,omitempty"`
}

// Shadow has answered requests put to a version once more, off the live path, to compare both answers.
type Shadow struct {
	// Epoch names the question that the comparison answers: evidence of two epochs is never added up.
	Epoch string `json:"epoch"`
	// Version is the name of the compared TryOnModelVersion, Address the base URL of its Service.
	Version string `json:"version"`
	Address string `json:"address"`
	// SamplePercent is the share of answered requests that is copied, 1..100.
	SamplePercent int `json:"samplePercent"`
	// LatencyRatio is the margin of the latency gate, at which the sidecar compares each pair; 0.1..10.
	LatencyRatio float64 `json:"latencyRatio"`
}

// Status is what a sidecar does.
type Status struct {
	Schema string `json:"schema"`
	// Generation is that of the applied document, 0 when none was read yet.
	Generation int64  `json:"generation"`
	Version    string `json:"version"`
	Ready      bool   `json:"ready"`
	// InFlight counts the Shopper requests being answered now.
	InFlight int64 `json:"inFlight"`
	// Served counts try-ons that this pod's own runtime answered, since the start.
	Served int64 `json:"served"`
	// Forwarded counts try-ons that a candidate answered, by its version.
	Forwarded map[string]int64 `json:"forwarded"`
	// Errors counts refused and failed requests by their code; "ForwardFailed" counts try-ons that a candidate failed and
	// this pod did not refuse.
	Errors map[string]int64 `json:"errors"`
	// Forwards is what came of the requests since the applied document gave a candidate its share; nil when it gives none.
	Forwards *Forwards `json:"forwards,omitempty"`
	// Load is what scaling looks at; nil when the pod does not say it.
	Load *Load `json:"load,omitempty"`
	// Catalogue is what the pod found when it looked for garments; nil when it has no catalogue, or has not looked yet.
	Catalogue *Catalogue `json:"catalogue,omitempty"`
	// Capture is how the pod gets on with keeping requests; nil when it keeps none, or has not tried yet.
	Capture *Capture `json:"capture,omitempty"`
}

// Forwards counts the requests that a share is about, by whose turn it was. What was the request's own fault is no failure.
type Forwards struct {
	// Instance is random for each process and each document: its counts begin at 0.
	Instance string `json:"instance"`
	// Generation is that of the document, Version the candidate's.
	Generation int64  `json:"generation"`
	Version    string `json:"version"`
	// Stable and Candidate count requests that were each one's to answer, the others those of them that it failed. Of the candidate's, BothFailed
	// had no answer from this pod either.
	Stable          int64 `json:"stable"`
	StableFailed    int64 `json:"stableFailed"`
	Candidate       int64 `json:"candidate"`
	CandidateFailed int64 `json:"candidateFailed"`
	BothFailed      int64 `json:"bothFailed"`
}

// Catalogue is what a pod says of its catalogue.
type Catalogue struct {
	// Trouble is why garments cannot be read; empty when they can.
	Trouble string `json:"trouble"`
}

// Capture is what a pod says of the place in which it keeps requests.
type Capture struct {
	// Trouble is why they cannot be kept as asked; empty when they can.
	Trouble string `json:"trouble"`
	// Held says that the pod keeps none yet, because it has no permit.
	Held bool `json:"held,omitempty"`
}

var (
	versionName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	epochName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:.-]{0,79}$`)
)

// New makes a document.
func New(generation int64, candidate *Candidate) Document {
	return Document{Schema: Schema, Generation: generation, Candidate: candidate}
}

// Encode gives the document's bytes. Every error wraps ErrInvalid.
func (d Document) Encode() ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return body, nil
}

// Decode reads a document strictly. Every error wraps ErrInvalid.
func Decode(body []byte) (Document, error) {
	var d Document
	if err := strict.Decode(body, MaxBytes, &d); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return d, d.check()
}

// DecodeStatus reads a pod's status strictly. Every error wraps ErrInvalid.
func DecodeStatus(body []byte) (Status, error) {
	var s Status
	if err := strict.Decode(body, MaxStatusBytes, &s); err != nil {
		return Status{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if s.Schema != StatusSchema {
		return Status{}, fmt.Errorf("%w: schema is %q, want %q", ErrInvalid, s.Schema, StatusSchema)
	}
	return s, nil
}

func (d Document) check() error {
	if d.Schema != Schema {
		return fmt.Errorf("%w: schema is %q, want %q", ErrInvalid, d.Schema, Schema)
	}
	if d.Generation < 1 {
		return fmt.Errorf("%w: generation is %d, want at least 1", ErrInvalid, d.Generation)
	}
	if d.Candidate != nil {
		if err := d.Candidate.check(); err != nil {
			return err
		}
	}
	if d.Shadow != nil {
		return d.Shadow.check()
	}
	return nil
}

func (c Candidate) check() error {
	if c.Weight < 0 || c.Weight > 100 {
		return fmt.Errorf("%w: weight is %d, want 0..100", ErrInvalid, c.Weight)
	}
	return checkPeer("candidate", c.Version, c.Address)
}

func (s Shadow) check() error {
	switch {
	case !epochName.MatchString(s.Epoch):
		return fmt.Errorf("%w: shadow epoch %.64q is not a hash", ErrInvalid, s.Epoch)
	case s.SamplePercent < 1 || s.SamplePercent > 100:
		return fmt.Errorf("%w: shadow sample is %d %%, want 1..100", ErrInvalid, s.SamplePercent)
	case !(s.LatencyRatio >= 0.1 && s.LatencyRatio <= 10):
		return fmt.Errorf("%w: shadow latency ratio is %g, want 0.1..10", ErrInvalid, s.LatencyRatio)
	}
	return checkPeer("shadow", s.Version, s.Address)
}

// checkPeer checks the name and the address of another version.
func checkPeer(role, version, address string) error {
	if !versionName.MatchString(version) {
		return fmt.Errorf("%w: %s version %.64q is not an object name", ErrInvalid, role, version)
	}
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%w: %s address: %w", ErrInvalid, role, err)
	}
	// Only what a Service's address has: anything else in it was not written by the operator.
	if bare := (url.URL{Scheme: u.Scheme, Host: u.Host}); u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.TrimSuffix(address, "/") != bare.String() {
		return fmt.Errorf("%w: %s address %.128q must be http://host:port", ErrInvalid, role, address)
	}
	return nil
}
