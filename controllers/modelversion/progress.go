package modelversion

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/braincreators/tryon-operator/internal/names"
)

// Progress is how far a running stage is, as its wrapper tells it.
type Progress struct {
	// Step of TotalSteps; both 0 before the command has written its first line.
	Step       int64 `json:"step"`
	TotalSteps int64 `json:"totalSteps"`
	// Phase is Fetching, Training or Publishing.
	Phase string `json:"phase"`
}

// ProgressReader asks the wrapper of a running stage at its pod's IP.
type ProgressReader interface {
	Read(ctx context.Context, podIP string) (Progress, error)
}

const (
	progressSchema  = "tryon.progress/v1"
	progressPace    = 10 * time.Second
	progressTimeout = 2 * time.Second
	maxProgressBody = 64 << 10
)

// ProgressPoller asks each pod at most every 10 seconds and remembers its last answer in between.
type ProgressPoller struct {
	client *http.Client
	clock  clock.PassiveClock

	mu   sync.Mutex
	last map[string]answer
}

type answer struct {
	when     time.Time
	progress Progress
	err      error
}

// NewProgressPoller makes a poller. It follows no redirect: a pod has no say in what else the manager asks.
func NewProgressPoller(c clock.PassiveClock) *ProgressPoller {
	return &ProgressPoller{
		clock: c,
		last:  map[string]answer{},
		client: &http.Client{
			Timeout: progressTimeout,
			// Pods are asked by their address; a proxy of the manager's environment has nothing to do with them.
			Transport:     &http.Transport{Proxy: nil, IdleConnTimeout: 2 * progressPace, MaxResponseHeaderBytes: 8 << 10},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Read gives the progress of the pod at an IP, asked now or less than 10 seconds ago.
func (p *ProgressPoller) Read(ctx context.Context, podIP string) (Progress, error) {
	now := p.clock.Now()
	if a, ok := p.remembered(podIP, now); ok {
		return a.progress, a.err
	}
	progress, err := p.ask(ctx, "http://"+net.JoinHostPort(podIP, strconv.Itoa(names.PortProgress))+"/progress")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[podIP] = answer{now, progress, err}
	return progress, err
}

func (p *ProgressPoller) remembered(podIP string, now time.Time) (answer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ip, a := range p.last {
		if now.Sub(a.when) >= progressPace {
			delete(p.last, ip)
		}
	}
	a, ok := p.last[podIP]
	return a, ok
}

func (p *ProgressPoller) ask(ctx context.Context, url string) (Progress, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return Progress{}, fmt.Errorf("making progress request: %w", err)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return Progress{}, fmt.Errorf("asking for progress: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return Progress{}, fmt.Errorf("asking for progress: %s", res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxProgressBody+1))
	if err != nil {
		return Progress{}, fmt.Errorf("reading progress: %w", err)
	}
	if len(body) > maxProgressBody {
		return Progress{}, fmt.Errorf("reading progress: more than %d bytes", maxProgressBody)
	}
	return decodeProgress(body)
}

func decodeProgress(body []byte) (Progress, error) {
	var doc struct {
		Schema string `json:"schema"`
		Progress
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return Progress{}, fmt.Errorf("decoding progress: %w", err)
	}
	if doc.Schema != progressSchema || doc.Step < 0 || doc.TotalSteps < 0 {
		return Progress{}, fmt.Errorf("decoding progress: not a %s document", progressSchema)
	}
	return doc.Progress, nil
}
