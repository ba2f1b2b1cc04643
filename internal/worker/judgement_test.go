package worker

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/judgement/judgementtest"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

func TestAJudgementsPageIsMadeFromTheTaskAndLeavesAnEnvelope(t *testing.T) {
	uri := (&url.URL{Scheme: "file", Path: filepath.Join(t.TempDir(), "store")}).String()
	store, err := artefact.Create(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	shop := judgementtest.NewShop(t, 7, 64, 48)
	job := judgementtest.Task(t, judgementtest.Candidate{Slower: 1.6}, uri, shop.Record(t, store, 1), shop.Record(t, store, 4))
	body, err := task.Encode(job)
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > 96<<10 {
		t.Errorf("a task of %d bytes; an environment variable holds 128 KiB", len(body))
	}
	e := lastWords(t, "judgement", job, exitDone)
	var s report.JudgementSummary
	if err := e.Into(report.KindJudgement, &s); err != nil || e.Key != job.Key || s.Shared != 6 {
		t.Fatalf("envelope %+v: %+v, %v", e, s, err)
	}
	page, err := store.ReadDocument(t.Context(), strings.TrimSuffix(e.Report.URI, ".json")+".html", 16<<20)
	if err != nil || !strings.Contains(string(page), "latency-p95-ratio") {
		t.Errorf("page of %d bytes: %v", len(page), err)
	}
}

func TestAJudgementShowsWhatIsCapturedUntilItsTimeIsOver(t *testing.T) {
	uri := "file://" + t.TempDir()
	dir := t.TempDir()
	folder, err := capture.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	job := judgementtest.Task(t, judgementtest.Candidate{Slower: 1.6}, uri, "", "")
	frozen, err := evidence.DecodeFrozen(job.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	job.Decided, job.Capture = time.Now(), &task.Capture{URI: "file://" + dir, Shown: "claim shoppers", AgeSeconds: 3600}
	flat := func(channels int) []byte { return make([]byte, channels*64*48) }
	for _, ago := range []time.Duration{time.Minute, 61 * time.Minute} {
		_, err := folder.Put(t.Context(), capture.Request{
			TakenAt: time.Now().Add(-ago), Version: "tops-v1", Signature: oip.NewSignature(64, 48),
			In: oip.TryOn{Person: flat(3), Garment: flat(3), GarmentMask: flat(1)}, Image: flat(3), Compared: &capture.Compared{Epoch: frozen.Epoch, Version: "tops-v2"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	e := lastWords(t, "judgement", job, exitDone)
	var s report.JudgementSummary
	if err := e.Into(report.KindJudgement, &s); err != nil || s.Captured != 1 {
		t.Fatalf("envelope %+v: %+v, %v", e, s, err)
	}
	if pages, err := filepath.Glob(filepath.Join(dir, "*.html")); err != nil || len(pages) != 1 {
		t.Errorf("pages %q, %v", pages, err)
	}
}

func TestAJudgementWithoutATaskIsRefused(t *testing.T) {
	t.Setenv(terminationLogEnv, filepath.Join(t.TempDir(), "log"))
	t.Setenv(task.Env, `{"key":"x","more":1}`)
	if code, _, _ := call(t, "judgement"); code != exitErrored {
		t.Errorf("exit %d", code)
	}
}
