package judgement

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/judgement/judgementtest"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/strict"
	"github.com/braincreators/tryon-operator/internal/task"
)

// pages names a folder that takes the pages of these tests, for people who want to look at them.
var pages = flag.String("pages", "", "folder that takes the pages that are made")

func openStore(t *testing.T) (*artefact.Store, string) {
	t.Helper()
	uri := (&url.URL{Scheme: "file", Path: filepath.Join(t.TempDir(), "store")}).String()
	store, err := artefact.Create(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store, uri
}

// made runs a task and gives the envelope's summary, the page and the report.
func made(t *testing.T, store *artefact.Store, job task.Judgement) (report.JudgementSummary, string, Document) {
	t.Helper()
	e := Run(t.Context(), Options{Task: job, Log: io.Discard})
	var s report.JudgementSummary
	if err := e.Into(report.KindJudgement, &s); err != nil || e.Verdict != report.Passed || e.Report == nil {
		t.Fatalf("%+v: %v", e, err)
	}
	if _, err := e.Encode(); err != nil {
		t.Fatal(err)
	}
	folder := task.JudgementFolder(job.Key)
	body, err := store.ReadDocument(t.Context(), folder+"report.json", 1<<20)
	if err != nil || e.Report.URI != folder+"report.json" || e.Report.Digest != artefact.DigestOf(body) {
		t.Fatalf("report %+v: %v", e.Report, err)
	}
	var d Document
	if err := strict.Decode(body, 1<<20, &d); err != nil {
		t.Fatal(err)
	}
	page, err := store.ReadDocument(t.Context(), folder+"report.html", 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	if *pages != "" {
		if err := os.WriteFile(filepath.Join(*pages, strings.ReplaceAll(t.Name(), "/", "-")+".html"), page, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s, string(page), d
}

func wants(t *testing.T, page string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(page, w) {
			t.Errorf("the page lacks %q", w)
		}
	}
}

func TestAPromotionIsShownWithIntervalsAndAnswersSideBySide(t *testing.T) {
	store, uri := openStore(t)
	shop := judgementtest.NewShop(t, 7, 128, 96)
	job := judgementtest.Task(t, judgementtest.Candidate{Slower: 1}, uri, shop.Record(t, store, 1), shop.Record(t, store, 4))
	s, page, d := made(t, store, job)
	if s.Shared != 6 || s.Shown != 6 || s.Pairs < 300 || s.Looks < 20 || int(s.Looks) != len(d.Evidence.History.Looks) {
		t.Errorf("summary %+v", s)
	}
	for i := 1; i < len(d.Requests); i++ {
		if d.Requests[i-1].Garment < d.Requests[i].Garment {
			t.Errorf("request %d disagrees more than the one before it", i)
		}
	}
	if d.Requests[0].Garment <= d.Requests[0].Outside || d.Requests[5].Garment != 0 {
		t.Errorf("disagreement %+v", d.Requests)
	}
	wants(t, page, "tops-v2 judged against tops-v1", "Promoted", "better than the margin", "margin 1.100", "margin 1.00\u00a0%", "α = 0.05", "98.3\u00a0%", "95\u00a0% of requests within", "All 6 requests")
	if n := strings.Count(page, "<img "); n != 30 {
		t.Errorf("%d pictures, want 5 of each of 6 requests", n)
	}
}

func TestARejectionIsShownWithTheRuleThatFired(t *testing.T) {
	store, uri := openStore(t)
	shop := judgementtest.NewShop(t, 7, 128, 96)
	golden := shop.Record(t, store, 1)
	_, page, d := made(t, store, judgementtest.Task(t, judgementtest.Candidate{Slower: 1, MoreFaults: 0.05}, uri, golden, shop.Record(t, store, 12)))
	if d.Outcome != "Rejected" || d.Verdict != "Reject" {
		t.Errorf("outcome %s, verdict %s", d.Outcome, d.Verdict)
	}
	wants(t, page, `class="verdict bad"`, "Rejected", "artefact-rate-difference", "worse than the margin", "copies that the candidate had no time for")
}

func TestAnAbortBeforeAnyVerdictIsShownToo(t *testing.T) {
	store, uri := openStore(t)
	_, page, _ := made(t, store, judgementtest.Task(t, judgementtest.Candidate{Slower: 1.05, Pairs: 150, Outcome: "Aborted"}, uri, "", ""))
	wants(t, page, "Aborted", "it was aborted. What was found until then", "Not clear: estimate", "tops-v1 has no golden set on record")
}

func TestAPageWithoutCommonRequestsSaysSoAndShowsEachVersionsOwn(t *testing.T) {
	store, uri := openStore(t)
	here, there := judgementtest.NewShop(t, 7, 128, 96), judgementtest.NewShop(t, 8, 128, 96)
	s, page, d := made(t, store, judgementtest.Task(t, judgementtest.Candidate{Slower: 1}, uri, here.Record(t, store, 1), there.Record(t, store, 1)))
	if s.Shared != 0 || s.Shown != 12 || len(d.Requests) != 0 {
		t.Errorf("summary %+v", s)
	}
	wants(t, page, "have no request in common", "Recorded answers of tops-v1", "Recorded answers of tops-v2")
}

func TestWithoutAGoldenSetThePageIsMadeAndSaysWhatItLacks(t *testing.T) {
	store, uri := openStore(t)
	shop := judgementtest.NewShop(t, 7, 128, 96)
	whole := shop.Record(t, store, 1)
	tree := t.TempDir()
	if err := os.WriteFile(filepath.Join(tree, "index.json"), []byte(`{"schema":"tryon.golden/v1","tolerance":2,"requests":[{"person":"../../etc/passwd"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	hostile, err := store.PutTree(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]string{
		"none on record": "", "gone": artefact.DigestOf([]byte("gone")), "hostile": hostile.Digest, "no digest": "nonsense",
	} {
		t.Run(name, func(t *testing.T) {
			s, page, d := made(t, store, judgementtest.Task(t, judgementtest.Candidate{Slower: 1}, uri, whole, set))
			if s.Shown != 6 || len(d.Notes) != 1 {
				t.Errorf("summary %+v, notes %q", s, d.Notes)
			}
			wants(t, page, "no pictures of it", "Recorded answers of tops-v1", "margin 1.100")
		})
	}
}

func TestAStoreThatCannotBeWrittenIsAnErrorAndABadTaskIsNone(t *testing.T) {
	_, uri := openStore(t)
	job := judgementtest.Task(t, judgementtest.Candidate{Slower: 1}, uri, "", "")
	full := job
	full.Store = "file:///proc/nowhere"
	if e := Run(t.Context(), Options{Task: full, Log: io.Discard}); e.Verdict != report.Errored || e.Reason != ReasonStoreUnavailable {
		t.Errorf("%+v", e)
	}
	for name, change := range map[string]func(*task.Judgement){
		"key":      func(j *task.Judgement) { j.Key = "../../x" },
		"evidence": func(j *task.Judgement) { j.Evidence = json.RawMessage(`{"schema":"tryon.frozen-evidence/v1"}`) },
	} {
		bad := job
		change(&bad)
		if e := Run(t.Context(), Options{Task: bad, Log: io.Discard}); e.Verdict != report.Failed || e.Reason != ReasonBadTask {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestTheSameTaskGivesTheSameBytes(t *testing.T) {
	store, uri := openStore(t)
	shop := judgementtest.NewShop(t, 7, 128, 96)
	job := judgementtest.Task(t, judgementtest.Candidate{Slower: 1}, uri, shop.Record(t, store, 1), shop.Record(t, store, 4))
	_, first, _ := made(t, store, job)
	if _, second, _ := made(t, store, job); first != second {
		t.Error("the second page differs")
	}
}

func TestAPageNeedsNothingElseAndNoNameGetsOutOfItsPlace(t *testing.T) {
	store, uri := openStore(t)
	shop := judgementtest.NewShop(t, 7, 128, 96)
	job := judgementtest.Task(t, judgementtest.Candidate{Slower: 1}, uri, shop.Record(t, store, 1), "")
	evil := `"><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>`
	job.Deployment, job.Namespace, job.Outcome, job.Rule, job.Reason = evil, evil, evil, evil, evil
	job.Stable.Name, job.Candidate.Name, job.Candidate.Golden = evil, evil, evil
	for i := range job.Gates {
		job.Gates[i].Metric, job.Gates[i].Verdict = evil, evil
	}
	_, page, _ := made(t, store, job)
	for _, bad := range []string{"<script", "<img src=http", "<link", "@import", "url("} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, src := range regexp.MustCompile(`(?:src|href)="([^"]{0,24})`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(src[1], "data:image/jpeg;base64,") {
			t.Errorf("the page fetches %q", src[1])
		}
	}
	if bytes.Count([]byte(page), []byte("&lt;script&gt;")) < 5 {
		t.Error("the names are not shown as they are")
	}
}

func TestAReportKeepsNoBlobFromTheSweep(t *testing.T) {
	store, uri := openStore(t)
	shop := judgementtest.NewShop(t, 7, 128, 96)
	golden := shop.Record(t, store, 1)
	job := judgementtest.Task(t, judgementtest.Candidate{Slower: 1}, uri, golden, golden)
	_, page, _ := made(t, store, job)
	body, err := store.ReadDocument(t.Context(), task.JudgementFolder(job.Key)+"report.json", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, named := range []string{golden, job.Stable.Weights, job.Candidate.Weights} {
		if strings.Contains(page+string(body), named) {
			t.Errorf("the report names %s", named)
		}
		if !strings.Contains(string(body), strings.TrimPrefix(named, "sha256:")) {
			t.Errorf("the report does not say %s", named)
		}
	}
}
