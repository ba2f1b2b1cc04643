package worker

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/judgement/judgementtest"
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
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv(terminationLogEnv, log)
	t.Setenv(task.Env, body)
	if code, out, problem := call(t, "judgement"); code != exitDone {
		t.Fatalf("exit %d, %s%s", code, out, problem)
	}
	message, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	e, err := report.Decode(string(message))
	var s report.JudgementSummary
	if err != nil || e.Into(report.KindJudgement, &s) != nil || e.Key != job.Key || s.Shared != 6 {
		t.Fatalf("envelope %s: %+v, %v", message, s, err)
	}
	page, err := store.ReadDocument(t.Context(), strings.TrimSuffix(e.Report.URI, ".json")+".html", 16<<20)
	if err != nil || !strings.Contains(string(page), "latency-p95-ratio") {
		t.Errorf("page of %d bytes: %v", len(page), err)
	}
}

func TestAJudgementWithoutATaskIsRefused(t *testing.T) {
	t.Setenv(terminationLogEnv, filepath.Join(t.TempDir(), "log"))
	t.Setenv(task.Env, `{"key":"x","more":1}`)
	if code, _, _ := call(t, "judgement"); code != exitErrored {
		t.Errorf("exit %d", code)
	}
}
