package sidecar

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sequential"
	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
)

var operator = ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))

func operated(o *Options) {
	o.PublicKey, o.PodUID = operator.Public().(ed25519.PublicKey), "uid-1"
}

// compareWith has every answered request copied to an address.
func (p *pod) compareWith(t testing.TB, generation int64, address string) {
	t.Helper()
	doc := control.New(generation, nil)
	doc.Shadow = &control.Shadow{Epoch: "e1", Version: "tops-v2", Address: address, SamplePercent: 100, LatencyRatio: 1.1}
	if _, err := p.router.Apply(doc); err != nil {
		t.Fatal(err)
	}
}

// evidence asks a pod as the operator does.
func (p *pod) evidence(t testing.TB, sign func(http.Header)) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.ops+"/evidence", nil)
	if err != nil {
		t.Fatal(err)
	}
	sign(req.Header)
	return do(t, req)
}

func signed(h http.Header) { control.Sign(h, operator, "uid-1", time.Now(), nil) }

// report reads what a pod has counted.
func (p *pod) report(t testing.TB) evidence.Report {
	t.Helper()
	resp, body := p.evidence(t, signed)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, body)
	}
	report, err := evidence.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestAnsweredRequestsAreComparedWithACandidate(t *testing.T) {
	stable := start(t, runtimetest.Graph{}, operated)
	candidate := start(t, runtimetest.Graph{Bias: 30}, func(o *Options) { o.Version = "tops-v2" })
	stable.compareWith(t, 1, candidate.front)
	contentType, body := form(t, usual(t))
	const requests = 6
	for i := range requests {
		resp, out := post(t, stable.front, contentType, body, "Cookie", "a=b")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Tryon-Version") != "tops-v1" {
			t.Fatalf("%s %.200s", resp.Status, out)
		}
		until(t, "the pair", func() bool { return stable.report(t).Pairs == int64(i+1) })
	}
	got := stable.report(t)
	if got.Epoch != "e1" || got.Stable != "tops-v1" || got.Candidate != "tops-v2" || got.Sequence < requests {
		t.Errorf("%s %s %s, sequence %d", got.Epoch, got.Stable, got.Candidate, got.Sequence)
	}
	if want := (sequential.Pairs{BothGood: requests}); got.Errors != want || got.Artefacts.N() != requests || got.Latency.N() != requests {
		t.Errorf("errors %+v, artefacts %+v, %d latencies", got.Errors, got.Artefacts, got.Latency.N())
	}
	// Every level of the candidate's picture is 30 higher, but for those that are at the end.
	if d := got.Disagreement.Outside; d.N != requests || d.Sum/requests < 20./255 || d.Max > 31./255 {
		t.Errorf("disagreement %+v", d)
	}
	if got := candidate.Status(); got.Served != 0 || len(got.Errors) != 0 {
		t.Errorf("copies count as requests of the candidate: %+v", got)
	}
	if text := candidate.metricsText(t); !strings.Contains(text, `requests_total{code="OK",route="shadow"} 6`) || strings.Contains(text, `route="infer"`) {
		t.Error("copies are not counted apart")
	}
	if text := stable.metricsText(t); !strings.Contains(text, `tryon_sidecar_shadow_pairs_total{candidate="Answered",stable="Answered"} 6`) {
		t.Error("pairs are not counted")
	}
}

func (p *pod) metricsText(t testing.TB) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.ops+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, out := do(t, req)
	return string(out)
}

// failing has a model that fails at inference once it is broken, and stays ready: a runtime that is gone would take the pod out of traffic sooner
// or later.
func failing(t *testing.T, broken *atomic.Bool) tweak {
	return func(o *Options) {
		proxy := runtimetest.Proxy(t, o.Runtime)
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() && r.Method == http.MethodPost {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			proxy.ServeHTTP(w, r)
		}))
		t.Cleanup(front.Close)
		o.Runtime = front.URL
	}
}

// A model that is slower than half of the request timeout is compared like any other. How long the stable version took does not bound it here.
func TestACandidateMayTakeAsLongInShadowAsARequestMay(t *testing.T) {
	var broken atomic.Bool
	stable := start(t, runtimetest.Graph{}, operated, failing(t, &broken), func(o *Options) { o.RequestTimeout = 5 * time.Second })
	candidate := start(t, runtimetest.Graph{}, func(o *Options) { o.Version = "tops-v2" })
	proxy := runtimetest.Proxy(t, candidate.front)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(3 * time.Second)
		proxy.ServeHTTP(w, r)
	}))
	defer slow.Close()
	stable.compareWith(t, 1, slow.URL)
	broken.Store(true)
	contentType, body := form(t, usual(t))
	post(t, stable.front, contentType, body)
	until(t, "the pair", func() bool { return stable.report(t).Pairs == 1 })
	if got, want := stable.report(t).Errors, (sequential.Pairs{OnlyStable: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestAModelThatFailsHereIsComparedToo(t *testing.T) {
	var broken atomic.Bool
	stable := start(t, runtimetest.Graph{}, operated, failing(t, &broken))
	candidate := start(t, runtimetest.Graph{}, func(o *Options) { o.Version = "tops-v2" })
	stable.compareWith(t, 1, candidate.front)
	broken.Store(true)
	contentType, body := form(t, usual(t))
	resp, out := post(t, stable.front, contentType, body)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeRuntimeFailed {
		t.Fatalf("%s %v", code, err)
	}
	until(t, "the pair", func() bool { return stable.report(t).Pairs == 1 })
	if got, want := stable.report(t).Errors, (sequential.Pairs{OnlyStable: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A hang is a timeout at the candidate; it must not be nothing here.
func TestARunThatEndsWithItsRequestsTimeIsAFailureAndOneWhoseClientLeavesIsNothing(t *testing.T) {
	var asked atomic.Int64
	stable, fault := faulty(t, operated, func(o *Options) { o.RequestTimeout = 4 * time.Second })
	candidate := start(t, runtimetest.Graph{}, func(o *Options) { o.Version = "tops-v2" })
	stable.compareWith(t, 1, candidate.front)
	fault(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); hang(w, r) })
	contentType, body := form(t, usual(t))
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, stable.front+"/v1/tryon", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Content-Type", contentType)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	until(t, "it runs", func() bool { return asked.Load() == 1 })
	leave()
	<-left
	until(t, "the client is gone", func() bool { return stable.Status().Errors[string(problem.CodeClientGone)] == 1 })
	resp, out := post(t, stable.front, contentType, body)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeDeadlineExceeded {
		t.Fatalf("%s %v", code, err)
	}
	until(t, "the pair", func() bool { return stable.report(t).Pairs > 0 })
	if got, want := stable.report(t).Errors, (sequential.Pairs{OnlyStable: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestWhatTheRequestIsToBlameForIsNotCompared(t *testing.T) {
	stable := start(t, runtimetest.Graph{}, operated)
	stable.compareWith(t, 1, "http://127.0.0.1:1")
	fields := usual(t)
	fields["person"] = []byte("no picture")
	contentType, body := form(t, fields)
	if resp, _ := post(t, stable.front, contentType, body); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("%s", resp.Status)
	}
	contentType, body = form(t, usual(t))
	post(t, stable.front, contentType, body)
	until(t, "the good request's pair", func() bool { return stable.report(t).Pairs > 0 })
	if got, want := stable.report(t).Errors, (sequential.Pairs{OnlyCandidate: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestABlackHoledCandidateFailsNoShopper(t *testing.T) {
	hole := httptest.NewServer(http.HandlerFunc(hang))
	defer hole.Close()
	stable := start(t, runtimetest.Graph{}, operated, func(o *Options) { o.ShadowMemory = 3 * 12 * netH * netW })
	stable.compareWith(t, 1, hole.URL)
	contentType, body := form(t, usual(t))
	for range 20 {
		if resp, out := post(t, stable.front, contentType, body); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %.200s", resp.Status, out)
		}
	}
	if got := stable.report(t); got.Dropped.Full < 10 {
		t.Errorf("dropped %+v after 20 requests with room for 3", got.Dropped)
	}
	if got := stable.Status(); got.Served != 20 || len(got.Errors) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestOnlyTheOperatorReadsEvidence(t *testing.T) {
	p := start(t, runtimetest.Graph{}, operated)
	resp, body := p.evidence(t, signed)
	if code, err := codeOf(resp, body); err != nil || code != problem.CodeNotFound {
		t.Errorf("without a candidate: %s %v", code, err)
	}
	p.compareWith(t, 1, "http://127.0.0.1:1")
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, sign := range map[string]func(http.Header){
		"unsigned":          func(http.Header) {},
		"by a stranger":     func(h http.Header) { control.Sign(h, stranger, "uid-1", time.Now(), nil) },
		"for another pod":   func(h http.Header) { control.Sign(h, operator, "uid-2", time.Now(), nil) },
		"for another body":  func(h http.Header) { control.Sign(h, operator, "uid-1", time.Now(), []byte("{}")) },
		"signed long since": func(h http.Header) { control.Sign(h, operator, "uid-1", time.Now().Add(-time.Hour), nil) },
	} {
		resp, body := p.evidence(t, sign)
		if code, err := codeOf(resp, body); err != nil || code != problem.CodeUnauthorized || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s %s %v", name, resp.Status, code, err)
		}
	}
	if got := p.report(t); got.Pairs != 0 || got.Sequence != 1 {
		t.Errorf("%d pairs, sequence %d: want none, and no sequence spent on strangers", got.Pairs, got.Sequence)
	}
}

func TestACopyGivesWayToShoppers(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	p.compareWith(t, 1, p.front)
	in, err := picture.Prepare(p.model.Signature(), person(netW, netH), shirt(netW, netH, paper), nil)
	if err != nil {
		t.Fatal(err)
	}
	request, err := in.Signature.Request(1, oip.TryOn{Person: in.Person, Garment: in.Garment, GarmentMask: in.GarmentMask})
	if err != nil {
		t.Fatal(err)
	}
	body, length, err := oip.EncodeRequest(request)
	if err != nil {
		t.Fatal(err)
	}
	send := func(path string) (*http.Response, []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.front+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(oip.HeaderLength, length)
		req.Header.Set(route.HeaderShadow, "1")
		return do(t, req)
	}
	const infer = "/v2/models/tryon/infer"
	run := p.queue.TryEnter(p.shape(1))
	resp, out := send(infer)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeOverloaded {
		t.Errorf("beside a run: %s %v", code, err)
	}
	run.Leave()
	if resp, out = send(infer); resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Server-Timing"), "runtime;dur=") {
		t.Errorf("alone: %s %q %.200s", resp.Status, resp.Header.Get("Server-Timing"), out)
	}
	body = []byte("{}")
	if resp, out = send(infer); resp.StatusCode != http.StatusBadRequest || !json.Valid(out) {
		t.Errorf("nonsense: %s %.200s", resp.Status, out)
	}
	if got := p.Status(); len(got.Errors) != 0 || got.Served != 0 {
		t.Errorf("copies count as a shopper's requests: %+v", got)
	}
	if left := p.queue.Waiting(); left != 0 || p.queue.TryEnter(p.shape(1)) == nil {
		t.Error("a copy has not left the queue")
	}
}
