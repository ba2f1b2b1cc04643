package replay_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/evaluate"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/replay"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/synth"
	"github.com/braincreators/tryon-operator/internal/task"
)

const (
	height, width = 96, 72
	testRows      = 6
	epoch         = "0123456789abcdef0123456789abcdef"
)

// bench is two real model servers with golden sets, and a pinned dataset.
type bench struct {
	*testing.T
	task task.Replay
	// ready is how long the model servers are waited for.
	ready time.Duration
	// log takes what is said to people.
	log strings.Builder

	mu     sync.Mutex
	asked  []string
	flying int
	most   int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	base := t.TempDir()
	data, uri := filepath.Join(base, "data"), "file://"+filepath.Join(base, "store")
	if err := synth.Generate(t.Context(), synth.Options{Dir: data, Seed: 7, Train: 1, Test: testRows, Height: height, Width: width, Workers: 1}); err != nil {
		t.Fatal(err)
	}
	store, err := artefact.Create(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	pinned, err := dataset.Pin(t.Context(), store, dataset.PinOptions{URI: "file://" + data, Layout: dataset.LayoutVITONHD})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, ready: 2 * time.Second, task: task.Replay{
		Key: artefact.DigestOf([]byte(t.Name())), Epoch: epoch, Store: uri, Digest: pinned.Digest,
		Source: task.Source{URI: "file://" + data, Layout: "VITONHD"}, LatencyRatio: 1.1, TimeoutSeconds: 10,
	}}
	b.task.Stable = b.side("tops-v1", store)
	b.task.Candidate = b.side("tops-v2", store)
	return b
}

// side starts a version. Its golden set has the first request of the test split and one of its own.
func (b *bench) side(version string, store *artefact.Store) task.Side {
	b.Helper()
	server := runtimetest.Start(b, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	split, err := evaluate.OpenRequests(b.Context(), store, b.task.Source.URI, b.task.Digest, server.Signature)
	if err != nil {
		b.Fatal(err)
	}
	defer split.Close()
	_, first, err := split.Read(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	own := first
	own.Person = append([]byte{}, first.Person...)
	own.Person[0] ^= version[len(version)-1]
	client, err := oip.NewClient(server.URL, oip.Limits{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	var recorded []golden.Recorded
	for i, in := range []oip.TryOn{first, own} {
		out, err := client.TryOn(b.Context(), server.Signature, 1, in)
		if err != nil {
			b.Fatal(err)
		}
		recorded = append(recorded, golden.Recorded{Name: fmt.Sprint(i), In: in, Out: out})
	}
	dir := filepath.Join(server.Dir, "golden")
	if err := os.Mkdir(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := golden.Write(dir, server.Signature, recorded); err != nil {
		b.Fatal(err)
	}
	return task.Side{Version: version, Weights: server.Dir, Runtime: b.proxy(version, server.URL, nil)}
}

// proxy writes down who is asked when, and may answer in the server's place.
func (b *bench) proxy(version, target string, instead func(n int, w http.ResponseWriter) bool) string {
	b.Helper()
	pass := runtimetest.Proxy(b, target)
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/infer") {
			pass.ServeHTTP(w, r)
			return
		}
		b.mu.Lock()
		b.asked = append(b.asked, version)
		b.flying++
		b.most = max(b.most, b.flying)
		n++
		count := n
		b.mu.Unlock()
		defer func() {
			b.mu.Lock()
			b.flying--
			b.mu.Unlock()
		}()
		if instead == nil || !instead(count, w) {
			pass.ServeHTTP(w, r)
		}
	}))
	b.Cleanup(server.Close)
	return server.URL
}

func (b *bench) run(ctx context.Context) report.Envelope {
	return replay.Run(ctx, replay.Options{Task: b.task, Log: &b.log, Ready: b.ready})
}

// counted is what a replay that was made counted, as the operator reads it: out of a termination message.
func (b *bench) counted() (report.ReplaySummary, evidence.Report) {
	b.Helper()
	e := b.run(b.Context())
	if e.Verdict != report.Passed {
		b.Fatalf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
	body, err := e.Encode()
	if err != nil {
		b.Fatal(err)
	}
	if e, err = report.Decode(string(body)); err != nil {
		b.Fatal(err)
	}
	var summary report.ReplaySummary
	if err := e.Into(report.KindReplay, &summary); err != nil {
		b.Fatal(err)
	}
	all, err := evidence.Unpack(summary.Evidence)
	if err != nil {
		b.Fatal(err)
	}
	return summary, all[len(all)-1]
}

func TestEveryKnownRequestIsPutToBothVersionsOnce(t *testing.T) {
	b := newBench(t)
	summary, r := b.counted()
	// Both golden sets have the first request of the test split; it counts once.
	const want = testRows + 2
	if summary.Pairs != want || r.Pairs != want || r.Errors.BothGood != want || r.Artefacts.N() != want || r.Latency.N() != want {
		t.Errorf("%d pairs in the summary; report: %d pairs, errors %+v, artefacts %+v, %d latencies; want %d", summary.Pairs, r.Pairs, r.Errors, r.Artefacts, r.Latency.N(), want)
	}
	if r.Epoch != epoch || r.Stable != "tops-v1" || r.Candidate != "tops-v2" || r.Latency.Ratio() != 1.1 {
		t.Errorf("the report answers %s about %s and %s at %v", r.Epoch, r.Stable, r.Candidate, r.Latency.Ratio())
	}
}

func TestTheVersionsAreAskedInTurnAndOneAtATime(t *testing.T) {
	b := newBench(t)
	b.counted()
	want := []string{"tops-v1", "tops-v2"}
	for i := range testRows + 2 {
		if i%2 == 0 {
			want = append(want, "tops-v1", "tops-v2")
		} else {
			want = append(want, "tops-v2", "tops-v1")
		}
	}
	if diff := cmp.Diff(want, b.asked); diff != "" {
		t.Errorf("asked, the first request once before (-want +got):\n%s", diff)
	}
	if b.most != 1 {
		t.Errorf("%d requests at once", b.most)
	}
}

func TestTwoAttemptsAtAReplayCountOnce(t *testing.T) {
	b := newBench(t)
	now := time.Now()
	ledger, err := evidence.NewLedger(epoch, "tops-v1", "tops-v2", 1.1, now)
	if err != nil {
		t.Fatal(err)
	}
	_, first := b.counted()
	_, second := b.counted()
	if changed, drop := ledger.Take(first, time.Now()); !changed || drop != evidence.Accepted {
		t.Errorf("the first attempt is dropped: %s", drop)
	}
	if _, drop := ledger.Take(second, time.Now()); drop != evidence.Replay {
		t.Errorf("the second attempt is %q", drop)
	}
	if !ledger.Knows(evidence.ReplayInstance(epoch), 1) || ledger.Totals().Pairs != testRows+2 {
		t.Errorf("the ledger has %d pairs", ledger.Totals().Pairs)
	}
}

func TestWhatTheCandidateDoesWrongIsEvidence(t *testing.T) {
	fail := func(n int, w http.ResponseWriter) bool {
		if n%3 == 0 {
			http.Error(w, `{"error":"out of memory"}`, http.StatusInternalServerError)
			return true
		}
		return false
	}
	b := newBench(t)
	b.task.Candidate.Runtime = b.proxy("tops-v2", b.task.Candidate.Runtime, fail)
	_, r := b.counted()
	if r.Errors.OnlyCandidate == 0 || r.Errors.BothGood == 0 || r.Errors.OnlyStable != 0 || r.Latency.N() != r.Errors.BothGood {
		t.Errorf("errors %+v, %d latencies", r.Errors, r.Latency.N())
	}
	b = newBench(t)
	b.ready, b.task.Candidate.Runtime = 500*time.Millisecond, "http://127.0.0.1:1"
	if _, r = b.counted(); r.Errors.OnlyCandidate != testRows+2 {
		t.Errorf("a candidate that is not there: %+v", r.Errors)
	}
}

func TestWhatCannotBeComparedIsNoEvidence(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(b *bench) error
		reason string
	}{
		"no stable version": {func(b *bench) error { b.task.Stable.Runtime = "http://127.0.0.1:1"; return nil }, replay.ReasonStableUnavailable},
		"a stable version that answers nothing": {func(b *bench) error {
			b.task.Stable.Runtime = b.proxy("tops-v1", b.task.Stable.Runtime, func(_ int, w http.ResponseWriter) bool {
				w.WriteHeader(http.StatusInternalServerError)
				return true
			})
			return nil
		}, replay.ReasonStableUnavailable},
		"another dataset":  {func(b *bench) error { b.task.Digest = artefact.DigestOf(nil); return nil }, replay.ReasonRequestsUnavailable},
		"no golden set":    {func(b *bench) error { return os.RemoveAll(filepath.Join(b.task.Stable.Weights, "golden")) }, replay.ReasonRequestsUnavailable},
		"an absurd margin": {func(b *bench) error { b.task.LatencyRatio = -1; return nil }, replay.ReasonBadTask},
		"a changed picture": {func(b *bench) error {
			names, err := filepath.Glob(filepath.Join(strings.TrimPrefix(b.task.Source.URI, "file://"), "test/image/*"))
			if err != nil {
				return err
			}
			return os.WriteFile(names[0], []byte("another picture"), 0o644)
		}, replay.ReasonRequestsUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.ready = 500 * time.Millisecond
			if err := c.spoil(b); err != nil {
				t.Fatal(err)
			}
			if e := b.run(t.Context()); e.Verdict != report.Errored || e.Reason != c.reason || len(e.Summary) > 0 {
				t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
			}
		})
	}
}

func TestAReplayThatIsStoppedSaysSoAndCountsNothing(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.task.Candidate.Runtime = b.proxy("tops-v2", b.task.Candidate.Runtime, func(n int, _ http.ResponseWriter) bool {
		if n == 3 {
			cancel()
		}
		return false
	})
	if e := b.run(ctx); e.Verdict != report.Errored || e.Reason != replay.ReasonStopped || len(e.Summary) > 0 {
		t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
}
