package shadow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/compare"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
)

// outcome is how a version answered, as a label value. All but answered and busy are the version's fault.
type outcome string

const (
	answered outcome = "Answered"
	// timedOut: no complete answer in time.
	timedOut outcome = "TimedOut"
	// unreachable: no connection, or one that was cut.
	unreachable outcome = "Unreachable"
	// failed: an answer that says so.
	failed outcome = "Failed"
	// malformed: an answer that is too large, or does not keep to the signature.
	malformed outcome = "Malformed"
	// busy: the candidate has shoppers to serve, or is stopping.
	busy outcome = "Busy"
)

// answer is what became of asking the candidate. Its parts are there when it has answered.
type answer struct {
	outcome outcome
	out     oip.Result
	// took is the time in the candidate's model server; alone tells that the copy had it for itself.
	took  time.Duration
	alone bool
}

// maxFrame bounds what an answer has beside its tensors, and a refusal.
const maxFrame = 64 << 10

func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			// The candidate is a Service of the cluster; a proxy of the environment has nothing to do with it.
			Proxy:               nil,
			DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, DisableCompression: true, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Patience is how long the candidate is waited for, at most most. A run that began late in its request's time was not waited for longer here.
func (s Sample) Patience(most time.Duration) time.Duration {
	most = min(most, s.Had)
	if s.Failed {
		return most
	}
	return compare.Patience(s.Took, most)
}

// ask puts a sample to the candidate. Nothing of the shopper's request but its tensors and its seed is sent.
func (m *Mirror) ask(ctx context.Context, j job) answer {
	ctx, cancel := context.WithTimeout(ctx, j.sample.Patience(m.options.Patience))
	defer cancel()
	request, err := newRequest(ctx, j)
	if err != nil {
		return answer{outcome: unreachable}
	}
	start := time.Now()
	response, err := m.client.Do(request)
	if err != nil {
		return answer{outcome: broken(ctx, err)}
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return answer{outcome: refusal(response)}
	}
	s := j.sample.Signature
	limit := int64(5*s.Height*s.Width + maxFrame)
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	wall := time.Since(start)
	switch {
	case err != nil:
		return answer{outcome: broken(ctx, err)}
	case int64(len(body)) > limit:
		return answer{outcome: malformed}
	}
	decoded, err := oip.DecodeResponse(body, response.Header.Get(oip.HeaderLength), oip.Limits{BodyBytes: limit})
	if err != nil {
		return answer{outcome: malformed}
	}
	out, err := s.Result(1, decoded)
	if err != nil {
		return answer{outcome: malformed}
	}
	took, alone := modelTime(response.Header.Get("Server-Timing"), wall)
	return answer{outcome: answered, out: out, took: took, alone: alone}
}

func newRequest(ctx context.Context, j job) (*http.Request, error) {
	tensors, err := j.sample.Signature.Request(1, j.sample.In)
	if err != nil {
		return nil, err
	}
	body, headerLength, err := oip.EncodeRequest(tensors)
	if err != nil {
		return nil, err
	}
	url := strings.TrimSuffix(j.address, "/") + "/v2/models/" + oip.ModelName + "/infer"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	request.Header.Set(oip.HeaderLength, headerLength)
	request.Header.Set(route.HeaderShadow, "1")
	return request, nil
}

func broken(ctx context.Context, err error) outcome {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return timedOut
	}
	return unreachable
}

// refusal tells a candidate that has no time for a copy from one that cannot answer.
func refusal(response *http.Response) outcome {
	if response.StatusCode != http.StatusServiceUnavailable {
		return failed
	}
	var said struct {
		Code problem.Code `json:"code"`
	}
	err := json.NewDecoder(io.LimitReader(response.Body, maxFrame)).Decode(&said)
	if err == nil && (said.Code == problem.CodeOverloaded || said.Code == problem.CodeDraining) {
		return busy
	}
	return failed
}

// Timing is the value of the Server-Timing header with which a candidate answers a copy.
func Timing(took time.Duration, alone bool) string {
	value := "runtime;dur=" + strconv.FormatFloat(float64(took)/float64(time.Millisecond), 'f', 3, 64)
	if !alone {
		value += ";desc=shared"
	}
	return value
}

// modelTime reads Timing's value. It is believed up to the time that was seen here, which also stands for a value that is not there.
func modelTime(header string, wall time.Duration) (took time.Duration, alone bool) {
	value, ok := strings.CutPrefix(header, "runtime;dur=")
	if !ok {
		return wall, true
	}
	value, shared := strings.CutSuffix(value, ";desc=shared")
	ms, err := strconv.ParseFloat(value, 64)
	if err != nil || !(ms > 0) || ms > float64(wall)/float64(time.Millisecond) {
		return wall, !shared
	}
	return max(1, time.Duration(ms*float64(time.Millisecond))), !shared
}
