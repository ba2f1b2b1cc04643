package evaluate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/evaluate"
	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/synth"
	"github.com/braincreators/tryon-operator/internal/task"
)

const (
	height, width = 96, 72
	testRows      = 10
)

// drawn is one dataset for all tests of the package; each test copies what it changes.
var drawn = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "evaluate-test-")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "data")
	return dir, synth.Generate(context.Background(), synth.Options{Dir: dir, Seed: 7, Train: 1, Test: testRows, Height: height, Width: width, Workers: 1})
})

type bench struct {
	t     *testing.T
	store *artefact.Store
	data  string
	task  task.Evaluate
}

// newBench pins a copy of the dataset, without the folders below test/ that drop names.
func newBench(t *testing.T, runtimeURL string, drop ...string) *bench {
	t.Helper()
	source, err := drawn()
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	data := filepath.Join(base, "data")
	if err := os.CopyFS(data, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	for _, name := range drop {
		if err := os.RemoveAll(filepath.Join(data, name)); err != nil {
			t.Fatal(err)
		}
	}
	uri := "file://" + filepath.Join(base, "store")
	store, err := artefact.Create(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := dataset.Pin(t.Context(), store, dataset.PinOptions{URI: "file://" + data, Layout: dataset.LayoutVITONHD})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, store: store, data: data, task: task.Evaluate{
		Key: artefact.DigestOf([]byte(t.Name())), Store: uri, Source: task.Source{URI: "file://" + data, Layout: "VITONHD"}, Digest: pinned.Digest,
		Weights: artefact.DigestOf([]byte("weights")), Runtime: runtimeURL, Scratch: filepath.Join(base, "scratch"), Title: "tops-v2",
	}}
}

func (b *bench) run() report.Envelope {
	return evaluate.Run(b.t.Context(), evaluate.Options{Task: b.task, Log: io.Discard, Ready: 2 * time.Second, Answer: 20 * time.Second})
}

func (b *bench) passed() (report.EvaluationSummary, evaluate.Document, report.Envelope) {
	b.t.Helper()
	e := b.run()
	if e.Verdict != report.Passed {
		b.t.Fatalf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
	if body, err := e.Encode(); err != nil {
		b.t.Fatal(err)
	} else if e, err = report.Decode(string(body)); err != nil {
		b.t.Fatal(err)
	}
	var s report.EvaluationSummary
	if err := e.Into(report.KindEvaluation, &s); err != nil {
		b.t.Fatal(err)
	}
	body := b.document(e.Report.URI)
	if artefact.DigestOf(body) != e.Report.Digest {
		b.t.Errorf("the envelope refers to another document: %+v", e.Report)
	}
	var d evaluate.Document
	if err := json.Unmarshal(body, &d); err != nil {
		b.t.Fatal(err)
	}
	return s, d, e
}

func (b *bench) document(name string) []byte {
	b.t.Helper()
	body, err := b.store.ReadDocument(b.t.Context(), name, 64<<20)
	if err != nil {
		b.t.Fatal(err)
	}
	return body
}

func TestARealRuntimeIsScoredBesideTheBaselines(t *testing.T) {
	server := runtimetest.Start(t, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	b := newBench(t, server.URL)
	s, d, e := b.passed()
	if s.Protocol != evaluate.ProtocolUnpairedTruth || int(s.Cases) != testRows || len(d.Rows) != testRows {
		t.Errorf("summary %+v", s)
	}
	// The graph pastes the garment without moving it: worse on the garments than the baseline that places it on the torso.
	served, copied, pasted := s.Scores, s.Baselines[evaluate.BaselineCopy], s.Baselines[evaluate.BaselinePaste]
	for _, metric := range []string{evaluate.MetricSSIM, evaluate.MetricGarmentSSIM, evaluate.MetricPSNR, evaluate.MetricL1} {
		for system, scores := range map[string]report.Scores{"served": served, "copy": copied, "paste": pasted} {
			if v, ok := scores[metric]; !ok || v <= 0 {
				t.Errorf("%s has %s %v", system, metric, v)
			}
		}
		for system, estimates := range d.Scores {
			if m := estimates[metric]; !(m.Low <= m.Mean && m.Mean <= m.High && m.Low < m.High) {
				t.Errorf("%s %s has mean %v outside of %v … %v", system, metric, m.Mean, m.Low, m.High)
			}
		}
	}
	if copied[evaluate.MetricSSIM] < 0.7 || copied[evaluate.MetricGarmentSSIM] > copied[evaluate.MetricSSIM]-0.2 {
		t.Errorf("copying the person scores %v: a good whole picture and bad garments were expected", copied)
	}
	if pasted[evaluate.MetricGarmentSSIM] <= served[evaluate.MetricGarmentSSIM] {
		t.Errorf("pasting onto the torso scores %v, pasting anywhere %v", pasted, served)
	}
	if diff := cmp.Diff(served[evaluate.MetricSSIM], d.Scores[evaluate.SystemServed][evaluate.MetricSSIM].Mean); diff != "" {
		t.Errorf("summary and report differ: %s", diff)
	}
	folder := strings.TrimSuffix(e.Report.URI, "report.json")
	sheet, err := png.DecodeConfig(bytes.NewReader(b.document(folder + "contact-sheet.png")))
	if err != nil || sheet.Height < 8*height {
		t.Errorf("contact sheet %+v, %v", sheet, err)
	}
	page := string(b.document(folder + "report.html"))
	for _, want := range []string{"Evaluation of tops-v2", "data:image/jpeg;base64,", "Worse than a baseline", d.Evaluator, d.Rows[0].Name} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "http://") || strings.Contains(page, "https://") {
		t.Error("the page is not self-contained")
	}
}

func TestTheGoldenRequestsAreWhatTheRuntimeAnswers(t *testing.T) {
	server := runtimetest.Start(t, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	b := newBench(t, server.URL)
	s, _, _ := b.passed()
	dir := filepath.Join(t.TempDir(), "golden")
	if _, err := b.store.GetTree(t.Context(), s.Golden, dir, artefact.Limits{}); err != nil {
		t.Fatal(err)
	}
	index, err := golden.Check(dir, server.Signature)
	if err != nil || len(index.Requests) != 4 {
		t.Errorf("golden set %+v, %v", index, err)
	}
}

func TestTheSameEvaluationGivesTheSameReport(t *testing.T) {
	server := runtimetest.Start(t, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	b := newBench(t, server.URL)
	_, _, first := b.passed()
	_, _, again := b.passed()
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("envelopes (-first +again):\n%s", diff)
	}
}

func TestWithoutTruthThePersonTriesOnTheOwnGarment(t *testing.T) {
	server := runtimetest.Start(t, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	unpaired, _, _ := newBench(t, server.URL).passed()
	b := newBench(t, server.URL, "test/truth", "test/truth-parse")
	b.task.MaxCases = 3
	s, d, _ := b.passed()
	if s.Protocol != evaluate.ProtocolPaired || s.Cases != 3 {
		t.Errorf("summary %+v", s)
	}
	if copied := s.Baselines[evaluate.BaselineCopy]; copied[evaluate.MetricSSIM] < 0.9999 || copied[evaluate.MetricL1] != 0 {
		t.Errorf("the photo compared with itself scores %v", copied)
	}
	if s.Evaluator == unpaired.Evaluator {
		t.Error("two protocols have one evaluator")
	}
	for _, row := range d.Rows {
		if person, garment, _ := strings.Cut(row.Name, "__"); person != garment {
			t.Errorf("case %s is not paired", row.Name)
		}
	}
}

func TestWhatCannotBeMeasuredIsAnErrorAndNotABadScore(t *testing.T) {
	server := runtimetest.Start(t, runtimetest.Graph{Height: height, Width: width}, runtime.Bounds{})
	other := runtimetest.Start(t, runtimetest.Graph{Height: height, Width: height}, runtime.Bounds{})
	cases := map[string]struct {
		url    string
		spoil  func(b *bench) error
		reason string
	}{
		"no runtime":     {"http://127.0.0.1:1", nil, evaluate.ReasonRuntimeUnavailable},
		"another size":   {other.URL, nil, evaluate.ReasonCaseFailed},
		"a failing case": {failingAfter(t, server.URL, 3), nil, evaluate.ReasonCaseFailed},
		"a changed truth": {server.URL, func(b *bench) error {
			names, err := filepath.Glob(filepath.Join(b.data, "test/truth/*.png"))
			if err != nil {
				return err
			}
			return os.WriteFile(names[0], []byte("another picture"), 0o644)
		}, evaluate.ReasonCaseFailed},
		"another dataset": {server.URL, func(b *bench) error { b.task.Digest = artefact.DigestOf(nil); return nil }, evaluate.ReasonDatasetUnavailable},
		"no key":          {server.URL, func(b *bench) error { b.task.Key = ""; return nil }, evaluate.ReasonBadTask},
		"no weights":      {server.URL, func(b *bench) error { b.task.Weights = "latest"; return nil }, evaluate.ReasonBadTask},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.url)
			if c.spoil != nil {
				if err := c.spoil(b); err != nil {
					t.Fatal(err)
				}
			}
			if e := b.run(); e.Verdict != report.Errored || e.Reason != c.reason {
				t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
			}
			if names, err := b.store.ListDocuments(t.Context(), "evaluations"); err != nil || len(names) != 0 {
				t.Errorf("documents %v, %v", names, err)
			}
		})
	}
}

func TestATruthThatIsMissingForOneRowIsAnError(t *testing.T) {
	source, err := drawn()
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(source, "test/truth/*.png"))
	if err != nil || len(names) != testRows {
		t.Fatalf("%d truths, %v", len(names), err)
	}
	b := newBench(t, "http://127.0.0.1:1", filepath.Join("test/truth", filepath.Base(names[4])))
	if e := b.run(); e.Reason != evaluate.ReasonDatasetUnavailable || !strings.Contains(e.Message, "truth is missing") {
		t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
}

// failingAfter passes requests on to a real runtime and answers 500 after the first n inferences.
func failingAfter(t *testing.T, url string, n int64) string {
	t.Helper()
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/infer") && asked.Add(1) > n {
			http.Error(w, `{"error":"out of memory"}`, http.StatusInternalServerError)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		out, err := http.NewRequestWithContext(r.Context(), r.Method, url+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = r.Header
		resp, err := http.DefaultClient.Do(out)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		w.Header().Set(oip.HeaderLength, resp.Header.Get(oip.HeaderLength))
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}
