package sidecar

import (
	"context"
	"crypto/ed25519"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/metrics"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
	"github.com/braincreators/tryon-operator/internal/sidecar/shopper"
)

func candidateAt(address string, weight int) *control.Candidate {
	return &control.Candidate{Version: "tops-v2", Address: address, Weight: weight}
}

func (p *pod) apply(t testing.TB, generation int64, c *control.Candidate) {
	t.Helper()
	if _, err := p.router.Apply(control.New(generation, c)); err != nil {
		t.Fatal(err)
	}
}

func TestTheCandidateAnswersExactlyItsShare(t *testing.T) {
	stable := start(t, runtimetest.Graph{})
	candidate := start(t, runtimetest.Graph{Bias: 30}, func(o *Options) { o.Version = "tops-v2" })
	contentType, body := form(t, map[string][]byte{"person": pngOf(t, person(netW, netH)), "garment": pngOf(t, shirt(netW, netH, paper))})
	for i, step := range []struct{ weight, requests, want int }{{10, 100, 10}, {50, 20, 10}, {0, 5, 0}, {100, 5, 5}} {
		stable.apply(t, int64(i+1), candidateAt(candidate.front, step.weight))
		got := map[string]int{}
		for range step.requests {
			resp, out := post(t, stable.front, contentType, body)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s %s", resp.Status, out)
			}
			got[resp.Header.Get("Tryon-Version")]++
		}
		if got["tops-v2"] != step.want || got["tops-v1"] != step.requests-step.want {
			t.Errorf("weight %d: %v of %d", step.weight, got, step.requests)
		}
	}
	if got := stable.Status(); got.Forwarded["tops-v2"] != 25 || got.Served != 105 || len(got.Errors) != 0 {
		t.Errorf("stable: %+v", got)
	}
	if got := candidate.Status(); got.Served != 25 {
		t.Errorf("candidate: %+v", got)
	}
}

func TestAForwardedRequestIsNeverSentOn(t *testing.T) {
	stable := start(t, runtimetest.Graph{})
	stable.apply(t, 1, candidateAt(stable.front, 100))
	contentType, body := form(t, usual(t))
	resp, out := post(t, stable.front, contentType, body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("a loop to itself: %s %s", resp.Status, out)
	}
	if got := stable.Status(); got.Served != 1 || got.Forwarded["tops-v2"] != 1 {
		t.Errorf("status %+v, want one hop", got)
	}
}

func TestAPodOfTheCandidatesVersionAnswersItself(t *testing.T) {
	promoted := start(t, runtimetest.Graph{}, func(o *Options) { o.Version = "tops-v2" })
	promoted.apply(t, 1, candidateAt(promoted.front, 100))
	contentType, body := form(t, usual(t))
	resp, out := post(t, promoted.front, contentType, body)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Tryon-Version") != "tops-v2" {
		t.Fatalf("%s %s", resp.Status, out)
	}
	if got := promoted.Status(); got.Served != 1 || len(got.Forwarded) != 0 || len(got.Errors) != 0 {
		t.Errorf("status %+v, want one answer and nothing forwarded", got)
	}
}

// A candidate's faults that a real sidecar cannot be made to have.
func TestAFailingCandidateCostsNoRequest(t *testing.T) {
	noLeaks(t)
	stable := start(t, runtimetest.Graph{})
	tests := map[string]http.HandlerFunc{
		"an error 500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		},
		"a page":           func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"a forbidden":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"a close mid-body": closeMidBody,
		"a reply of 10 GB": endless,
		"garbage that is called PNG": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", shopper.TypePNG)
			_, _ = io.WriteString(w, "\x89PNG\r\n\x1a\n and no more")
		},
		"nothing that is called JPEG": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", shopper.TypeJPEG) },
		"a problem that is none": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", problem.ContentType)
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, "<html>")
		},
		"a close before bytes": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	generation, failures := int64(0), int64(0)
	contentType, body := form(t, usual(t))
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			peer := httptest.NewServer(fault)
			defer peer.Close()
			generation++
			failures++
			stable.apply(t, generation, candidateAt(peer.URL, 100))
			resp, out := post(t, stable.front, contentType, body)
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Tryon-Version") != "tops-v1" {
				t.Errorf("%s %.200s, want this pod's answer", resp.Status, out)
			}
			if got := stable.Status().Errors[metrics.ForwardFailed]; got != failures {
				t.Errorf("%d failed forwards are counted, want %d", got, failures)
			}
		})
	}
	t.Run("a hang and endless slow bytes", func(t *testing.T) {
		hasty := start(t, runtimetest.Graph{}, func(o *Options) { o.ForwardTimeout = 50 * time.Millisecond })
		peer := httptest.NewServer(http.HandlerFunc(hang))
		defer peer.Close()
		slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", shopper.TypePNG)
			drip(w, r)
		}))
		defer slow.Close()
		for i, address := range []string{peer.URL, slow.URL} {
			hasty.apply(t, int64(i+1), candidateAt(address, 100))
			if resp, out := post(t, hasty.front, contentType, body); resp.StatusCode != http.StatusOK {
				t.Errorf("%s %.200s", resp.Status, out)
			}
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		l := listen(t)
		address := "http://" + l.Addr().String()
		_ = l.Close()
		stable.apply(t, generation+1, candidateAt(address, 100))
		if resp, out := post(t, stable.front, contentType, body); resp.StatusCode != http.StatusOK {
			t.Errorf("%s %.200s", resp.Status, out)
		}
	})
}

// shelf makes a folder of garments.
func shelf(t *testing.T, garments ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, id := range garments {
		writeFile(t, filepath.Join(dir, id+".png"), pngOf(t, shirt(150, 200, paper)))
	}
	return "file://" + dir
}

func TestAGarmentThatOnlyTheCandidateLacksIsItsFault(t *testing.T) {
	stable := start(t, runtimetest.Graph{}, func(o *Options) { o.Catalogue = shelf(t, "shirt") })
	candidate := start(t, runtimetest.Graph{}, func(o *Options) { o.Version, o.Catalogue = "tops-v2", shelf(t, "trousers") })
	stable.apply(t, 1, candidateAt(candidate.front, 100))
	ask := func(id string) (*http.Response, []byte) {
		contentType, body := form(t, map[string][]byte{"person": pngOf(t, person(180, 240)), "garmentId": []byte(id)})
		return post(t, stable.front, contentType, body)
	}
	resp, out := ask("hat")
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeGarmentNotFound {
		t.Errorf("a garment that nobody has: %s, %v", code, err)
	}
	if got := stable.Status(); got.Errors[metrics.ForwardFailed] != 0 || got.Forwards.CandidateFailed != 0 || got.Forwards.Candidate != 1 {
		t.Errorf("a garment that nobody has: %+v of %+v", got.Forwards, got)
	}
	if resp, out := ask("shirt"); resp.StatusCode != http.StatusOK || resp.Header.Get("Tryon-Version") != "tops-v1" {
		t.Errorf("a garment that the candidate lacks: %s %.200s", resp.Status, out)
	}
	if got := stable.Status(); got.Errors[metrics.ForwardFailed] != 1 || got.Forwards.CandidateFailed != 1 || got.Forwards.Candidate != 2 {
		t.Errorf("a garment that the candidate lacks: %+v of %+v", got.Forwards, got)
	}
}

func TestACandidateThatSwallowsRequestsCostsAHandfulOfThemTimeAndNoneAnAnswer(t *testing.T) {
	noLeaks(t)
	const clients, each = 6, 10
	stable := start(t, runtimetest.Graph{}, func(o *Options) { o.RequestTimeout = 6 * time.Second })
	peer := httptest.NewServer(http.HandlerFunc(hang))
	defer peer.Close()
	stable.apply(t, 1, candidateAt(peer.URL, 50))
	contentType, body := form(t, usual(t))
	took := make(chan time.Duration, clients*each)
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			for range each {
				start := time.Now()
				if resp, out := post(t, stable.front, contentType, body); resp.StatusCode != http.StatusOK {
					t.Errorf("%s %.200s", resp.Status, out)
				}
				took <- time.Since(start)
			}
		})
	}
	wait.Wait()
	close(took)
	slow := 0
	for d := range took {
		// Whoever was sent to the candidate has lost half of its time.
		if d > 3*time.Second {
			slow++
		}
	}
	if want := 2 * clients; slow > want {
		t.Errorf("%d of %d requests waited for the candidate, want at most %d", slow, clients*each, want)
	}
	got := stable.Status()
	if f := got.Forwards; f.CandidateFailed == 0 || f.CandidateFailed > 2*clients || f.CandidateFailed != f.Candidate || got.Served != clients*each {
		t.Errorf("%d requests waited, status %+v, %+v", slow, got, f)
	}
}

func TestACandidateIsWaitedForAsLongAsARunHereStillFits(t *testing.T) {
	for name, c := range map[string]struct{ left, wait, run, want time.Duration }{
		"a fast model":                   {30 * time.Second, 0, 300 * time.Millisecond, 15 * time.Second},
		"a slow model":                   {30 * time.Second, 0, 5 * time.Second, 20 * time.Second},
		"a slower one":                   {30 * time.Second, 0, 12 * time.Second, 18 * time.Second},
		"one that fits twice, just":      {30 * time.Second, 0, 15 * time.Second, 15 * time.Second},
		"one that does not fit twice":    {30 * time.Second, 0, 16 * time.Second, 30 * time.Second},
		"work waits here":                {30 * time.Second, 8 * time.Second, 5 * time.Second, 17 * time.Second},
		"more waits here than would fit": {30 * time.Second, 20 * time.Second, time.Second, 30 * time.Second},
		"no time is left":                {-time.Second, 0, time.Second, -time.Second},
	} {
		if got := patience(c.left, c.wait, c.run); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func closeMidBody(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", shopper.TypePNG)
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, "\x89PNG")
	panic(http.ErrAbortHandler)
}

func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", shopper.TypePNG)
	chunk := make([]byte, 1<<20)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestACandidateSeesNoCredentialsButTheTrace(t *testing.T) {
	stable := start(t, runtimetest.Graph{})
	seen := make(chan http.Header, 1)
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer peer.Close()
	stable.apply(t, 1, candidateAt(peer.URL, 100))
	contentType, body := form(t, usual(t))
	trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	post(t, stable.front, contentType, body, "Authorization", "Bearer x", "Cookie", "a=b", "Traceparent", trace)
	got := <-seen
	if got.Get("Authorization") != "" || got.Get("Cookie") != "" || got.Get("Traceparent") != trace || got.Get(route.HeaderForwarded) != "1" {
		t.Errorf("headers %v", got)
	}
}

func TestTheControlFileIsAppliedAtStartAndWhenItsLinkIsSwapped(t *testing.T) {
	dir := t.TempDir()
	swap := func(version string, doc control.Document) {
		body, err := doc.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, version, control.Key), body)
		// The kubelet's way: a new link under another name, then a rename over ..data.
		if err := os.Symlink(version, filepath.Join(dir, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	swap("..one", control.New(1, nil))
	if err := os.Symlink("..data/"+control.Key, filepath.Join(dir, control.Key)); err != nil {
		t.Fatal(err)
	}
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.Control = filepath.Join(dir, control.Key) })
	until(t, "generation 1", func() bool { return p.Status().Generation == 1 })
	swap("..two", control.New(2, candidateAt("http://127.0.0.1:1", 5)))
	until(t, "generation 2", func() bool { return p.Status().Generation == 2 })
	if got := p.router.Document().Candidate; got == nil || got.Weight != 5 {
		t.Errorf("candidate %+v", got)
	}
}

func TestOnlySignedPushesAreApplied(t *testing.T) {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	p := start(t, runtimetest.Graph{}, func(o *Options) {
		o.PublicKey, o.PodUID = private.Public().(ed25519.PublicKey), "uid-1"
	})
	push := func(doc control.Document, uid string) (*http.Response, []byte) {
		body, err := doc.Encode()
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.ops+"/control", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		if uid != "" {
			control.Sign(req.Header, private, uid, time.Now(), body)
		}
		return do(t, req)
	}
	for _, step := range []struct {
		name       string
		generation int64
		uid        string
		want       problem.Code
	}{
		{"unsigned", 1, "", problem.CodeUnauthorized},
		{"for another pod", 1, "uid-2", problem.CodeUnauthorized},
		{"signed", 2, "uid-1", problem.CodeOK},
		{"again", 2, "uid-1", problem.CodeOK},
		{"older", 1, "uid-1", problem.CodeStale},
	} {
		resp, out := push(control.New(step.generation, candidateAt("http://127.0.0.1:1", 5)), step.uid)
		if step.want == problem.CodeOK {
			status, err := control.DecodeStatus(out)
			if err != nil || status.Generation != step.generation || status.Version != "tops-v1" {
				t.Errorf("%s: %v %s", step.name, err, out)
			}
			continue
		}
		if code, err := codeOf(resp, out); err != nil || code != step.want {
			t.Errorf("%s: %s, %v, want %s", step.name, code, err, step.want)
		}
	}
}

func TestMetricsProbesAndStatusAreServed(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	contentType, body := form(t, usual(t))
	post(t, p.front, contentType, body)
	for path, want := range map[string]string{
		"/metrics": `tryon_sidecar_requests_total{code="OK",route="tryon"} 1`,
		"/healthz": "ok", "/readyz": "ok", "/control": `"served":1`,
	} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, p.ops+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, out := do(t, req)
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(out), want) {
			t.Errorf("%s: %s, want %q in it", path, resp.Status, want)
		}
	}
}

func TestTooManyConnectionsCloseTheLongestIdleOne(t *testing.T) {
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.Connections = 8 })
	address := strings.TrimPrefix(p.front, "http://")
	var idle []net.Conn
	for range 40 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		idle = append(idle, c)
	}
	contentType, body := form(t, usual(t))
	if resp, out := post(t, p.front, contentType, body); resp.StatusCode != http.StatusOK {
		t.Errorf("beside idle connections: %s %.200s", resp.Status, out)
	}
	_ = idle[0].SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := idle[0].Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the first idle connection: %v, want closed", err)
	}
}
