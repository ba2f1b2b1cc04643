package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	// askTimeout bounds one question to rank 0, and maxAnswerBytes its answer.
	askTimeout     = 5 * time.Second
	maxAnswerBytes = 64 << 10
)

// leader is where rank 0 serves its progress; empty for itself, and where the ranks cannot reach each other that way.
func (s *session) leader() string {
	host := os.Getenv("MASTER_ADDR")
	_, port, err := net.SplitHostPort(s.o.Task.ProgressAddress)
	if s.o.Rank == 0 || host == "" || err != nil {
		return ""
	}
	return net.JoinHostPort(host, port)
}

// follow waits until rank 0 has restored its checkpoint and gives the step of it, 0 for none. An earlier attempt's pod may still be
// uploading, so what is the newest checkpoint for one rank is not for the next.
func (s *session) follow(ctx context.Context, leader string) (int64, error) {
	s.say("waiting for rank 0 at %s to say which checkpoint the stage goes on from", leader)
	// Peers are asked at their own address, past any proxy of the environment.
	client := &http.Client{Timeout: askTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(s.o.Interval)
	defer tick.Stop()
	for {
		p, err := ask(ctx, client, leader)
		if err == nil && p.Phase != phaseFetching {
			return p.ResumedFrom, nil
		}
		select {
		case <-ctx.Done():
			return 0, errors.Join(context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

func ask(ctx context.Context, client *http.Client, leader string) (p Progress, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+leader+"/progress", http.NoBody)
	if err != nil {
		return p, fmt.Errorf("making question to rank 0: %w", err)
	}
	res, err := client.Do(req)
	if err != nil {
		return p, fmt.Errorf("asking rank 0: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswerBytes)).Decode(&p); err != nil {
		return p, fmt.Errorf("reading rank 0's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK || p.Schema != progressSchema {
		return p, fmt.Errorf("rank 0's answer is no progress: %s", res.Status)
	}
	return p, nil
}
