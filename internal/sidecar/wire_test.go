package sidecar

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// dial opens a connection to the pod that the test's end closes.
func (p *pod) dial(t testing.TB) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.front, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// say writes text and gives the first reply; closed says that the server then closed the connection.
func (p *pod) say(t testing.TB, text string, hangUp bool) (resp *http.Response, body []byte, closed bool) {
	t.Helper()
	conn := p.dial(t)
	// A server that refuses early may close before all is written.
	_, _ = io.WriteString(conn, text)
	if hangUp {
		_ = conn.CloseWrite()
	}
	_ = conn.SetReadDeadline(time.Now().Add(15 * time.Second))
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil {
		return nil, nil, true
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ = io.ReadAll(resp.Body)
	return resp, body, resp.Close
}

func TestHostileBytesOnTheWireAreRefusedAndHurtNobody(t *testing.T) {
	noLeaks(t)
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.BodyTimeout = time.Second })
	const post = "POST /v1/tryon HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	tests := map[string]struct {
		text   string
		hangUp bool
		want   int
		closed bool
	}{
		"a length that is too long, and the end":  {post + "Content-Length: 100\r\n\r\n{}", true, 499, true},
		"a length that is too long, and silence":  {post + "Content-Length: 100\r\n\r\n{}", false, http.StatusRequestTimeout, true},
		"a length that is too short":              {post + "Content-Length: 2\r\n\r\n{}{}{}{}\r\n\r\n", false, http.StatusBadRequest, false},
		"a length below zero":                     {post + "Content-Length: -1\r\n\r\n", false, http.StatusBadRequest, true},
		"a length over 64 bits":                   {post + "Content-Length: 99999999999999999999\r\n\r\n", false, http.StatusBadRequest, true},
		"two lengths":                             {post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", false, http.StatusBadRequest, true},
		"a length and chunks":                     {post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", false, http.StatusBadRequest, false},
		"an encoding of its own":                  {post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", false, http.StatusNotImplemented, true},
		"a chunk's size that is none":             {post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", false, http.StatusBadRequest, true},
		"chunks that end early":                   {post + "Transfer-Encoding: chunked\r\n\r\n5\r\n{}", true, 499, true},
		"a chunk extension without end":           {post + "Transfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("a", 100_000), false, http.StatusBadRequest, true},
		"a space before the colon":                {post + "Content-Length : 2\r\n\r\n{}", false, http.StatusBadRequest, true},
		"a header with NUL":                       {post + "X: \x00\r\n\r\n", false, http.StatusBadRequest, true},
		"headers of 1 MB":                         {post + "X: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", false, http.StatusRequestHeaderFieldsTooLarge, true},
		"100,000 headers":                         {post + strings.Repeat("X: a\r\n", 100_000) + "\r\n", false, http.StatusRequestHeaderFieldsTooLarge, true},
		"a path of 1 MB":                          {"GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n", false, http.StatusRequestHeaderFieldsTooLarge, true},
		"a version of its own":                    {"GET / HTTP/9.9\r\nHost: x\r\n\r\n", false, http.StatusHTTPVersionNotSupported, true},
		"no HTTP":                                 {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", true, http.StatusBadRequest, true},
		"another host's address":                  {"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: x\r\n\r\n", false, http.StatusNotFound, false},
		"a tunnel":                                {"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n", false, http.StatusNotFound, false},
		"an upgrade":                              {"GET /v1/model HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", false, http.StatusOK, false},
		"an expectation and a body that is large": {post + "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", false, http.StatusRequestEntityTooLarge, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			resp, body, closed := p.say(t, tt.text, tt.hangUp)
			if resp == nil {
				t.Fatalf("the connection was closed without a word, want %d", tt.want)
			}
			// The first of two requests in one is answered for what it is; the rest of it is refused.
			if resp.StatusCode != tt.want {
				t.Errorf("%s %.200s, want %d", resp.Status, body, tt.want)
			}
			if tt.closed && !closed {
				t.Error("the connection stays open")
			}
		})
	}
	p.served(t)
}

// A crowd of clients that send one byte and wait: they hold neither places nor the memory of bodies that have not come.
func TestSlowSendersKeepNobodyOut(t *testing.T) {
	noLeaks(t)
	p := start(t, runtimetest.Graph{}, func(o *Options) {
		o.InFlight, o.BodyMemory = 4, 2*max(o.BodyBytes, o.TensorBytes)
	})
	var crowd []*net.TCPConn
	for i := range 60 {
		conn := p.dial(t)
		length := fmt.Sprintf("Content-Length: %d\r\n\r\n{", 20<<20)
		if i%2 == 0 {
			length = "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
		}
		path := []string{"/v1/tryon", "/v2/models/tryon/infer"}[i/2%2]
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s", path, length); err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, conn)
	}
	until(t, "the crowd is in", func() bool { return p.activity.InFlight() == len(crowd) })
	p.served(t)
	for _, conn := range crowd {
		_ = conn.Close()
	}
	until(t, "the crowd is gone", func() bool { return p.activity.InFlight() == 0 })
}

// A crowd of clients that ask and never read: they hold neither places nor runs of the model server.
func TestSlowReadersKeepNobodyOut(t *testing.T) {
	noLeaks(t)
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.InFlight, o.Concurrent = 2, 1 })
	contentType, body := form(t, map[string][]byte{"person": pngOf(t, noise(1300, 1700)), "garment": pngOf(t, shirt(150, 200, paper))})
	var crowd []*net.TCPConn
	for i := range 2 {
		conn := p.dial(t)
		_ = conn.SetReadBuffer(4096)
		if _, err := fmt.Fprintf(conn, "POST /v1/tryon HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body); err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, conn)
		// Each blocks in its reply before the next one comes.
		until(t, "a reply that nobody reads", func() bool { return p.Status().Served == int64(i+1) })
	}
	if got := p.activity.InFlight(); got != len(crowd) {
		t.Errorf("%d requests are in flight, want the crowd of %d: the test is blind", got, len(crowd))
	}
	p.served(t)
	for _, conn := range crowd {
		_ = conn.Close()
	}
	until(t, "the crowd is gone", func() bool { return p.activity.InFlight() == 0 })
}

// A refusal must not wait for the body that it refuses.
func TestASlowBodyThatNobodyWantsIsNotWaitedForWithoutEnd(t *testing.T) {
	noLeaks(t)
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.BodyTimeout = 100 * time.Millisecond })
	for name, head := range map[string]string{
		"an unknown path": "POST /x HTTP/1.1\r\nHost: x\r\n", "another method": "PUT /v1/tryon HTTP/1.1\r\nHost: x\r\n",
		"an unknown type": "POST /v1/tryon HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n", "a slow body": "POST /v1/tryon HTTP/1.1\r\nHost: x\r\n",
	} {
		if resp, _, _ := p.say(t, head+"Content-Length: 1000\r\n\r\n{", false); resp == nil {
			t.Errorf("%s: no answer", name)
		}
	}
	until(t, "nothing is in flight", func() bool { return p.activity.InFlight() == 0 })
}

func TestSlowHeadersAreCutOff(t *testing.T) {
	noLeaks(t)
	p := start(t, runtimetest.Graph{})
	conn := p.dial(t)
	if _, err := io.WriteString(conn, "POST /v1/tryon HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	p.served(t)
	start := time.Now()
	_ = conn.SetReadDeadline(start.Add(20 * time.Second))
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("after %s: %v, want a closed connection", time.Since(start), err)
	}
}

// Durations are measured on the monotonic clock; only a push's signature looks at the time of day.
func TestAClockThatJumpedRefusesPushesAndServesOn(t *testing.T) {
	noLeaks(t)
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.PublicKey, o.PodUID = private.Public().(ed25519.PublicKey), "uid-1" })
	for _, jump := range []time.Duration{-time.Hour, time.Hour, 24 * 365 * 30 * time.Hour} {
		body, err := control.New(1, candidateAt("http://127.0.0.1:1", 100)).Encode()
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.ops+"/control", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		control.Sign(req.Header, private, "uid-1", time.Now().Add(jump), body)
		resp, out := do(t, req)
		if code, err := codeOf(resp, out); err != nil || code != problem.CodeUnauthorized {
			t.Errorf("by %s: code %s, %v, want %s", jump, code, err, problem.CodeUnauthorized)
		}
	}
	p.served(t)
	if got := p.Status(); got.Generation != 0 || got.Served != 1 {
		t.Errorf("status %+v", got)
	}
}
