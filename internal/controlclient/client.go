package controlclient

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/names"
)

const (
	// timeout bounds one request to a pod, connecting included.
	timeout = 2 * time.Second
	// maxWords bounds what is kept of a pod's explanation.
	maxWords = 512
	// atOnce bounds how many pods Each waits for at once.
	atOnce = 16
)

var (
	// ErrPod says that a pod could not be asked or told, or that it answered nonsense.
	ErrPod = errors.New("asking serving pod")
	// ErrNoEvidence says that a pod compares nothing: it has not heard of an epoch, or the comparison has ended.
	ErrNoEvidence = errors.New("no candidate is compared")
)

// Target is one serving pod.
type Target struct {
	// IP of the pod.
	IP string
	// UID of the pod, for which pushes are signed.
	UID string
}

// TargetOf says where a pod is asked.
func TargetOf(pod *corev1.Pod) Target { return Target{IP: pod.Status.PodIP, UID: string(pod.UID)} }

// Each does something for each of n pods, for some at once.
func Each(n int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range n {
		group.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = group.Wait()
}

// Client asks and tells serving pods. It is safe for concurrent use.
type Client struct {
	http *http.Client
	key  ed25519.PrivateKey
	now  func() time.Time
	port int
}

// New makes a client that signs with key at the times of now.
func New(key ed25519.PrivateKey, now func() time.Time) *Client {
	return &Client{
		key: key, now: now, port: names.PortOps,
		http: &http.Client{
			Timeout: timeout,
			Transport: &http.Transport{
				// Pods are asked by their address; a proxy of the manager's environment has nothing to do with them.
				Proxy:                  nil,
				DialContext:            (&net.Dialer{Timeout: timeout}).DialContext,
				MaxResponseHeaderBytes: 8 << 10,
				MaxIdleConnsPerHost:    1,
				IdleConnTimeout:        10 * time.Second,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Status reads what a pod does. Every error wraps ErrPod.
func (c *Client) Status(ctx context.Context, pod Target) (control.Status, error) {
	got, err := c.do(ctx, pod, question{method: http.MethodGet, path: "/control", limit: control.MaxStatusBytes})
	if err != nil {
		return control.Status{}, err
	}
	if got.code != http.StatusOK {
		return control.Status{}, got.refusal()
	}
	status, err := control.DecodeStatus(got.body)
	if err != nil {
		return control.Status{}, fmt.Errorf("%w: %w", ErrPod, err)
	}
	if status.Catalogue != nil {
		status.Catalogue.Trouble = words([]byte(status.Catalogue.Trouble))
	}
	if status.Capture != nil {
		status.Capture.Trouble = words([]byte(status.Capture.Trouble))
	}
	return status, nil
}

// Push tells a pod to apply a control document. Every error wraps ErrPod.
func (c *Client) Push(ctx context.Context, pod Target, document control.Document) error {
	body, err := document.Encode()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPod, err)
	}
	got, err := c.do(ctx, pod, question{method: http.MethodPut, path: "/control", body: body, signed: true, limit: maxWords})
	if err != nil {
		return err
	}
	if got.code/100 != 2 {
		return got.refusal()
	}
	return nil
}

// Evidence reads how a pod's candidate compares. Every error wraps ErrPod; ErrNoEvidence when the pod compares nothing (yet), and
// evidence.ErrInvalid when what it said is not evidence.
func (c *Client) Evidence(ctx context.Context, pod Target) (evidence.Report, error) {
	got, err := c.do(ctx, pod, question{method: http.MethodGet, path: "/evidence", signed: true, limit: evidence.MaxBytes + 1})
	switch {
	case err != nil:
		return evidence.Report{}, err
	case got.code == http.StatusNotFound:
		return evidence.Report{}, fmt.Errorf("%w: %w", got.refusal(), ErrNoEvidence)
	case got.code != http.StatusOK:
		return evidence.Report{}, got.refusal()
	}
	report, err := evidence.Decode(got.body)
	if err != nil {
		return evidence.Report{}, fmt.Errorf("%w: %w", ErrPod, err)
	}
	return report, nil
}

// Unready reads why a pod is not ready; empty when it is. Every error wraps ErrPod.
func (c *Client) Unready(ctx context.Context, pod Target) (string, error) {
	got, err := c.do(ctx, pod, question{method: http.MethodGet, path: "/readyz", limit: maxWords})
	if err != nil || got.code == http.StatusOK {
		return "", err
	}
	return words(got.body), nil
}

// question is one request to a pod. A longer answer than limit is cut, which strict decoding notices.
type question struct {
	method, path string
	body         []byte
	signed       bool
	limit        int64
}

// answer is what a pod said.
type answer struct {
	code int
	body []byte
}

func (a answer) refusal() error {
	return fmt.Errorf("%w: %d %s: %s", ErrPod, a.code, http.StatusText(a.code), words(a.body))
}

func (c *Client) do(ctx context.Context, pod Target, q question) (answer, error) {
	url := "http://" + net.JoinHostPort(pod.IP, strconv.Itoa(c.port)) + q.path
	request, err := http.NewRequestWithContext(ctx, q.method, url, bytes.NewReader(q.body))
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrPod, err)
	}
	if len(q.body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	if q.signed {
		control.Sign(request.Header, c.key, pod.UID, c.now(), q.body)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrPod, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, q.limit))
	if err != nil {
		return answer{}, fmt.Errorf("%w: reading answer: %w", ErrPod, err)
	}
	return answer{code: response.StatusCode, body: body}, nil
}

// words makes one printable line of what a pod said.
func words(body []byte) string {
	if len(body) > maxWords {
		body = body[:maxWords]
	}
	printable := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ' '
		}
		return r
	}, string(body))
	return strings.Join(strings.Fields(printable), " ")
}
