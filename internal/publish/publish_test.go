package publish_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/publish"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/task"
)

const height, width = 16, 12

type bench struct {
	t     *testing.T
	store *artefact.Store
	task  task.Publish
}

// newBench stores a servable stage output and a golden set; spoil may damage their folders first.
func newBench(t *testing.T, spoil func(weights, golden string) error) *bench {
	t.Helper()
	uri := "file://" + filepath.Join(t.TempDir(), "store")
	store, err := artefact.Create(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	weights, set := t.TempDir(), t.TempDir()
	signature := runtimetest.Graph{Height: height, Width: width}.WriteWeights(t, weights)
	if err := os.WriteFile(filepath.Join(weights, "weights.pt"), []byte("\x80\x02optimizer"), 0o644); err != nil {
		t.Fatal(err)
	}
	n := height * width
	request := golden.Recorded{
		Name: "a", In: oip.TryOn{Person: make([]byte, 3*n), Garment: make([]byte, 3*n), GarmentMask: make([]byte, n)},
		Out: oip.Result{Image: make([]byte, 3*n), WarpedMask: make([]byte, n), CompositeMask: make([]byte, n)},
	}
	if err := golden.Write(set, signature, []golden.Recorded{request}); err != nil {
		t.Fatal(err)
	}
	if spoil != nil {
		if err := spoil(weights, set); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{t: t, store: store}
	b.task = task.Publish{
		Key: artefact.DigestOf([]byte("key")), Store: uri, Weights: b.put(weights), Golden: b.put(set), Evaluator: artefact.DigestOf([]byte("evaluator")),
		Scores: map[string]float64{"ssim": 0.9}, Scratch: filepath.Join(t.TempDir(), "scratch"),
		Lineage: task.Lineage{Method: "pf-afn", Dataset: artefact.DigestOf([]byte("data")), Licenses: []string{"CC-BY-NC-4.0"}},
	}
	return b
}

func (b *bench) put(dir string) string {
	b.t.Helper()
	tree, err := b.store.PutTree(b.t.Context(), dir)
	if err != nil {
		b.t.Fatal(err)
	}
	return tree.Digest
}

func TestAPublishedVersionHoldsWhatIsServedAndNothingElse(t *testing.T) {
	b := newBench(t, nil)
	e := publish.Run(t.Context(), b.task)
	if e.Verdict != report.Passed {
		t.Fatalf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
	var s report.PublishSummary
	if err := e.Into(report.KindPublish, &s); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "weights")
	tree, err := b.store.GetTree(t.Context(), s.Weights, dir, artefact.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range tree.Files {
		if !strings.HasPrefix(f.Path, "golden/0") {
			paths = append(paths, f.Path)
		}
	}
	if diff := cmp.Diff([]string{"card.json", "golden/index.json", "model.onnx", "signature.json"}, paths); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if s.Height != height || s.Width != width || s.Bytes != tree.Bytes || int(s.Files) != len(tree.Files) {
		t.Errorf("summary %+v of %d files, %d bytes", s, len(tree.Files), tree.Bytes)
	}
	if _, err := runtime.ReadWeights(dir, 1<<20); err != nil {
		t.Errorf("the runtime refuses what was published: %v", err)
	}
	body, err := os.ReadFile(filepath.Join(dir, "card.json"))
	if err != nil {
		t.Fatal(err)
	}
	var card publish.Card
	if err := json.Unmarshal(body, &card); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.task.Lineage, card.Lineage); diff != "" || card.Scores["ssim"] != 0.9 || card.Source != b.task.Weights {
		t.Errorf("card %+v\n%s", card, diff)
	}
	if doc, err := b.store.ReadDocument(t.Context(), e.Report.URI, 1<<20); err != nil || artefact.DigestOf(doc) != e.Report.Digest {
		t.Errorf("reference %+v: %v", e.Report, err)
	}
	if left, err := os.ReadDir(b.task.Scratch); err != nil || len(left) != 0 {
		t.Errorf("scratch holds %v, %v", left, err)
	}
}

func TestPublishingTwiceGivesTheSameVersion(t *testing.T) {
	b := newBench(t, nil)
	first, again := publish.Run(t.Context(), b.task), publish.Run(t.Context(), b.task)
	if diff := cmp.Diff(first, again); diff != "" || first.Verdict != report.Passed {
		t.Errorf("verdict %s, envelopes (-first +again):\n%s", first.Verdict, diff)
	}
}

func TestWeightsThatMayNotBeServedAreRefused(t *testing.T) {
	model := func(body []byte) func(string, string) error {
		return func(weights, _ string) error { return os.WriteFile(filepath.Join(weights, "model.onnx"), body, 0o644) }
	}
	whole := runtimetest.Graph{Height: height, Width: width}.Bytes()
	cases := map[string]struct {
		spoil  func(weights, golden string) error
		reason string
	}{
		"a pickle":        {model([]byte("\x80\x04\x95\x00\x00\x00")), publish.ReasonBadWeights},
		"a torch zip":     {model([]byte("PK\x03\x04data.pkl")), publish.ReasonBadWeights},
		"an LFS pointer":  {model([]byte("version https://git-lfs.github.com/spec/v1\n")), publish.ReasonBadWeights},
		"cut short":       {model(whole[:len(whole)/2]), publish.ReasonBadWeights},
		"empty":           {model(nil), publish.ReasonBadWeights},
		"noise":           {model(bytes.Repeat([]byte{0xff}, 100)), publish.ReasonBadWeights},
		"external data":   {model(runtimetest.Graph{Height: height, Width: width, External: true}.Bytes()), publish.ReasonBadWeights},
		"foreign domain":  {model(runtimetest.Graph{Height: height, Width: width, Domain: "evil"}.Bytes()), publish.ReasonBadWeights},
		"another size":    {model(runtimetest.Graph{Height: height, Width: height}.Bytes()), publish.ReasonBadWeights},
		"nested for ever": {model(runtimetest.Graph{Height: height, Width: width, Nested: 100}.Bytes()), publish.ReasonBadWeights},
		"no model":        {func(w, _ string) error { return os.Remove(filepath.Join(w, "model.onnx")) }, publish.ReasonBadWeights},
		"no signature":    {func(w, _ string) error { return os.Remove(filepath.Join(w, "signature.json")) }, publish.ReasonBadWeights},
		"another signature": {func(w, _ string) error {
			return os.WriteFile(filepath.Join(w, "signature.json"), []byte(`{"schema":"tryon.signature/v1","name":"tryon/v2","height":16,"width":12}`), 0o644)
		}, publish.ReasonBadWeights},
		"no golden index":   {func(_, g string) error { return os.Remove(filepath.Join(g, "index.json")) }, publish.ReasonBadGolden},
		"no golden picture": {func(_, g string) error { return os.Remove(filepath.Join(g, "00-image.png")) }, publish.ReasonBadGolden},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.spoil)
			if e := publish.Run(t.Context(), b.task); e.Verdict != report.Failed || e.Reason != c.reason {
				t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
			}
			if names, err := b.store.ListDocuments(t.Context(), "versions"); err != nil || len(names) != 0 {
				t.Errorf("documents %v, %v", names, err)
			}
		})
	}
}

func TestWhatIsMissingIsAnErrorAndNotABadResult(t *testing.T) {
	b := newBench(t, nil)
	b.task.Golden = artefact.DigestOf([]byte("never stored"))
	if e := publish.Run(t.Context(), b.task); e.Verdict != report.Errored || e.Reason != publish.ReasonStoreUnavailable {
		t.Errorf("missing golden tree: verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
	b.task.Golden = "latest"
	if e := publish.Run(t.Context(), b.task); e.Verdict != report.Errored || e.Reason != publish.ReasonBadTask {
		t.Errorf("no digest: verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
}
