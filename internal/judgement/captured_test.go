package judgement

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/artefact/s3test"
	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/judgement/judgementtest"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/quality"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/strict"
	"github.com/braincreators/tryon-operator/internal/task"
)

const (
	shopHeight, shopWidth = 128, 96
	shownPlace            = "claim shoppers, folder storefront"
)

// scene is a judgement of a deployment that captures requests.
type scene struct {
	*testing.T
	store  *artefact.Store
	folder *capture.Folder
	dir    string
	job    task.Judgement
	epoch  string
	now    time.Time
	// requests were answered by both versions, each a minute before the one before it.
	requests []capture.Request
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneAt(t, "file://"+t.TempDir())
}

func newSceneAt(t *testing.T, place string) *scene {
	t.Helper()
	store, uri := openStore(t)
	folder, err := capture.Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	s := &scene{T: t, store: store, folder: folder, dir: strings.TrimPrefix(place, "file://")}
	s.job = judgementtest.Task(t, judgementtest.Candidate{Slower: 1}, uri, "", "")
	s.job.Capture = &task.Capture{URI: place, Shown: shownPlace, AgeSeconds: 24 * 3600}
	s.now = s.job.Decided.Add(time.Minute)
	frozen, err := evidence.DecodeFrozen(s.job.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	s.epoch = frozen.Epoch
	shop := judgementtest.NewShop(t, 7, shopHeight, shopWidth)
	ours, theirs := shop.Answers(t, 1), shop.Answers(t, 6)
	for i := range ours {
		request := quality.Request{Height: shopHeight, Width: shopWidth, Person: ours[i].In.Person, Garment: ours[i].In.Garment, GarmentMask: ours[i].In.GarmentMask}
		apart, err := quality.Disagreement(request, answerOf(ours[i].Out), answerOf(theirs[i].Out))
		if err != nil {
			t.Fatal(err)
		}
		s.requests = append(s.requests, capture.Request{
			TakenAt: s.job.Decided.Add(-time.Duration(i+1) * time.Minute), Version: "tops-v1", Signature: oip.NewSignature(shopHeight, shopWidth),
			In: ours[i].In, Image: ours[i].Out.Image,
			Compared: &capture.Compared{Epoch: s.epoch, Version: "tops-v2", Image: theirs[i].Out.Image, Garment: apart.Garment, Outside: apart.Outside},
		})
	}
	return s
}

// put captures a request and gives its name.
func (s *scene) put(r capture.Request) string {
	s.Helper()
	name, err := s.folder.Put(s.Context(), r)
	if err != nil {
		s.Fatal(err)
	}
	return name
}

// putAll captures all requests, the newest first.
func (s *scene) putAll() (names []string) {
	s.Helper()
	for _, r := range s.requests {
		names = append(names, s.put(r))
	}
	return names
}

// apart is the i-th request with another disagreement and another time.
func (s *scene) apart(i int, garment float64, taken time.Time) capture.Request {
	r := s.requests[i%len(s.requests)]
	c := *r.Compared
	c.Garment, r.Compared, r.TakenAt = garment, &c, taken
	return r
}

// made makes the report and gives the summary, the permanent page, its document and the pages in the place of captured requests.
func (s *scene) made() (report.JudgementSummary, string, Document, map[string]string) {
	s.Helper()
	e := Run(s.Context(), Options{Task: s.job, Now: s.now, Log: io.Discard})
	var summary report.JudgementSummary
	if err := e.Into(report.KindJudgement, &summary); err != nil || e.Verdict != report.Passed {
		s.Fatalf("%+v: %v", e, err)
	}
	folder := task.JudgementFolder(s.job.Key)
	page, err := s.store.ReadDocument(s.Context(), folder+"report.html", 16<<20)
	if err != nil {
		s.Fatal(err)
	}
	body, err := s.store.ReadDocument(s.Context(), folder+"report.json", 1<<20)
	if err != nil {
		s.Fatal(err)
	}
	var d Document
	if err := strict.Decode(body, 1<<20, &d); err != nil {
		s.Fatal(err)
	}
	return summary, string(page), d, s.pages()
}

// pages are the pages in the place of captured requests by their names.
func (s *scene) pages() map[string]string {
	s.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "*.html"))
	if err != nil {
		s.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range found {
		body, err := os.ReadFile(name)
		if err != nil {
			s.Fatal(err)
		}
		all[filepath.Base(name)] = string(body)
		if *pages != "" {
			if err := os.WriteFile(filepath.Join(*pages, s.Name()+"-captured.html"), body, 0o600); err != nil {
				s.Fatal(err)
			}
		}
	}
	return all
}

// only is the one page that there is.
func (s *scene) only(pages map[string]string) (name, page string) {
	s.Helper()
	if len(pages) != 1 {
		s.Fatalf("%d pages", len(pages))
	}
	for name, page = range pages {
		break
	}
	return name, page
}

// inOrder are the names of the requests that a page shows.
func inOrder(page string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`<span>([0-9TZ.]+-[0-9a-f]{16}\.zip)</span>`).FindAllStringSubmatch(page, -1) {
		names = append(names, m[1])
	}
	return names
}

func TestCapturedRequestsOfAJudgementAreShownBesideThemAndNotInTheReport(t *testing.T) {
	s := newScene(t)
	names := s.putAll()
	other := s.apart(0, 0.9, s.job.Decided.Add(-30*time.Minute))
	other.Compared.Epoch = strings.Repeat("f", 32)
	s.put(other)
	plain := s.requests[0]
	plain.Compared = nil
	s.put(plain)
	summary, report, d, pages := s.made()
	name, page := s.only(pages)
	// The answers of later rows are smeared more.
	got := inOrder(page)
	if len(got) != 6 || got[0] != names[5] || got[5] != names[0] {
		t.Errorf("shown in the order %q of %q", got, names)
	}
	until := s.requests[5].TakenAt.Add(24 * time.Hour)
	if c := d.Captured; c == nil || c.Place != shownPlace || c.Page != name || c.Shown != 6 || c.Compared != 6 || c.Until == nil || !c.Until.Equal(until) || summary.Captured != 6 {
		t.Errorf("report %+v, summary %+v", d.Captured, summary)
	}
	wants(t, page, "These are photos of shoppers", shownPlace, clock(until), "Captured requests: tops-v2 beside tops-v1", "Promoted", "6 captured requests were put to both versions",
		task.JudgementFolder(s.job.Key)+"report.html", "answered "+clock(s.requests[0].TakenAt), "the greatest disagreement first")
	if n := strings.Count(page, "<img "); n != 30 {
		t.Errorf("%d pictures, want 5 of each of 6 requests", n)
	}
	wants(t, report, "6 captured requests of shoppers are shown on a page of their own, "+shownPlace+"/"+name+", until "+clock(until), "No shopper’s photo is on this page")
	if strings.Contains(report, "<img ") {
		t.Error("the report has a picture, although no golden set is on record")
	}
}

func TestAPageOfCapturedRequestsIsAsOldAsItsOldestPictureAndTheSweepTakesBoth(t *testing.T) {
	s := newScene(t)
	s.putAll()
	_, _, _, pages := s.made()
	if name, _ := s.only(pages); !strings.HasPrefix(name, s.requests[5].TakenAt.UTC().Format("20060102T150405.000Z-")+strings.TrimPrefix(s.job.Key, "sha256:")[:16]) {
		t.Errorf("the page is %s", name)
	}
	bounds := capture.Bounds{Age: 24 * time.Hour, Bytes: 1 << 40}
	swept, err := s.folder.Sweep(t.Context(), s.requests[5].TakenAt.Add(24*time.Hour), bounds)
	if err != nil || swept.Removed != 0 {
		t.Fatalf("%+v: %v", swept, err)
	}
	swept, err = s.folder.Sweep(t.Context(), s.requests[5].TakenAt.Add(24*time.Hour+time.Second), bounds)
	if err != nil || swept.Removed != 2 || len(s.pages()) != 0 {
		t.Errorf("%+v: %v, %d pages left", swept, err, len(s.pages()))
	}
}

func TestRequestsThatTheCandidateDidNotAnswerComeFirst(t *testing.T) {
	s := newScene(t)
	names := s.putAll()
	silent := s.apart(2, 0, s.job.Decided.Add(-10*time.Minute))
	silent.Compared.Image, silent.Compared.Outside = nil, 0
	first := s.put(silent)
	_, _, d, pages := s.made()
	_, page := s.only(pages)
	if got := inOrder(page); len(got) != 7 || got[0] != first || got[1] != names[5] {
		t.Errorf("shown in the order %q", got)
	}
	if n := strings.Count(page, "<img "); n != 33 || d.Captured.Shown != 7 {
		t.Errorf("%d pictures, want 3 of one request and 5 of 6; %+v", n, d.Captured)
	}
	wants(t, page, "no answer", "the candidate did not answer", "All are shown: first the one that tops-v2 did not answer, then by disagreement")
}

func TestOnlyThe24GreatestDisagreementsAreShown(t *testing.T) {
	s := newScene(t)
	for i := range 40 {
		s.put(s.apart(i, float64((i*7)%40)/100, s.job.Decided.Add(-time.Duration(i)*time.Minute)))
	}
	_, report, d, pages := s.made()
	_, page := s.only(pages)
	inside := regexp.MustCompile(`inside the garments <b>([0-9.]+)`).FindAllStringSubmatch(page, -1)
	if len(inside) != 24 || d.Captured.Shown != 24 || d.Captured.Compared != 40 {
		t.Fatalf("%d are shown; %+v", len(inside), d.Captured)
	}
	for i, m := range inside {
		if got, err := strconv.ParseFloat(m[1], 64); err != nil || got != float64(39-i) {
			t.Errorf("number %d is %s apart, want %d", i, m[1], 39-i)
		}
	}
	wants(t, page, "40 captured requests were put to both versions for this judgement. 24 are shown")
	wants(t, report, "24 captured requests of shoppers are shown on a page of their own")
}

func TestWhatIsAboutToBeRemovedDoesNotTakeThePageAlong(t *testing.T) {
	s := newScene(t)
	old := s.put(s.apart(0, 0.9, s.job.Decided.Add(-23*time.Hour)))
	fresh := s.put(s.apart(1, 0.1, s.job.Decided.Add(-time.Hour)))
	_, _, d, pages := s.made()
	_, page := s.only(pages)
	if got := inOrder(page); len(got) != 1 || got[0] != fresh {
		t.Errorf("shown: %q; %s is about to be removed", got, old)
	}
	if want := s.job.Decided.Add(23 * time.Hour).Truncate(time.Millisecond); !d.Captured.Until.Equal(want) {
		t.Errorf("until %s, want %s", d.Captured.Until, want)
	}
	wants(t, page, "are left out: the page is removed with its oldest picture")
}

func TestWhereAllAreAboutToBeRemovedTheyAreShownAsLongAsTheyAreThere(t *testing.T) {
	s := newScene(t)
	name := s.put(s.apart(0, 0.9, s.job.Decided.Add(-23*time.Hour)))
	_, _, _, pages := s.made()
	_, page := s.only(pages)
	if got := inOrder(page); len(got) != 1 || got[0] != name {
		t.Errorf("shown: %q", got)
	}
}

func TestWhatIsTooOldOrFromTheFutureIsNotShown(t *testing.T) {
	s := newScene(t)
	s.put(s.apart(0, 0.9, s.now.Add(-24*time.Hour-time.Second)))
	s.put(s.apart(1, 0.9, s.job.Decided.Add(time.Hour)))
	_, report, d, pages := s.made()
	if len(pages) != 0 || d.Captured == nil || d.Captured.Page != "" || d.Captured.Until != nil || d.Captured.Place != shownPlace {
		t.Errorf("%d pages, %+v", len(pages), d.Captured)
	}
	wants(t, report, "No captured request in "+shownPlace+" was compared in this judgement")
}

func TestWithoutCaptureThereIsNoPageAndNoWordOfIt(t *testing.T) {
	s := newScene(t)
	s.putAll()
	s.job.Capture = nil
	summary, report, d, pages := s.made()
	if len(pages) != 0 || d.Captured != nil || summary.Captured != 0 || strings.Contains(report, "captured") {
		t.Errorf("%d pages, %+v, %+v", len(pages), d.Captured, summary)
	}
}

func TestASecondAttemptGivesTheSameBytesAndOnePage(t *testing.T) {
	s := newScene(t)
	s.putAll()
	_, first, _, before := s.made()
	_, second, _, after := s.made()
	name, page := s.only(before)
	if first != second || after[name] != page || len(after) != 1 {
		t.Errorf("the second attempt differs; %d pages", len(after))
	}
	// The oldest request has gone meanwhile.
	s.now = s.requests[5].TakenAt.Add(24*time.Hour + time.Second)
	_, _, d, later := s.made()
	if got, _ := s.only(later); got == name || got != d.Captured.Page || d.Captured.Shown != 5 {
		t.Errorf("%s after %s; %+v", got, name, d.Captured)
	}
}

func TestARequestAnsweredByAnotherVersionSaysWhose(t *testing.T) {
	s := newScene(t)
	s.requests[0].Version = "tops-v0"
	s.put(s.requests[0])
	_, _, _, pages := s.made()
	_, page := s.only(pages)
	wants(t, page, "<figcaption>tops-v0</figcaption>", "1 captured request was put to both versions")
}

func TestFilesThatAreNoCapturedRequestsCostThePageNothing(t *testing.T) {
	s := newScene(t)
	names := s.putAll()
	whole, err := os.ReadFile(filepath.Join(s.dir, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range [][]byte{nil, whole[:len(whole)/2], bomb(t), []byte("<script>alert(1)</script>"), wrongSize(t, whole)} {
		s.write(fileName(s.job.Decided, i), body)
	}
	for i := range 10_000 {
		s.write(fmt.Sprintf("<b>junk-%05d.zip", i), nil)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(s.dir, fileName(s.job.Decided, 100))); err != nil {
		t.Fatal(err)
	}
	_, report, d, pages := s.made()
	_, page := s.only(pages)
	if d.Captured.Shown != 6 || len(inOrder(page)) != 6 {
		t.Errorf("%+v", d.Captured)
	}
	wants(t, page, "5 damaged files were passed over in "+shownPlace)
	wants(t, report, "5 damaged files were passed over in "+shownPlace)
}

func (s *scene) write(name string, body []byte) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), body, 0o600); err != nil {
		s.Fatal(err)
	}
}

func fileName(at time.Time, n int) string {
	return fmt.Sprintf("%s-%016x.zip", at.UTC().Format("20060102T150405.000Z"), n)
}

// bomb is an archive whose document unpacks to 64 MiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	w, err := archive.Create("capture.json")
	if err == nil {
		_, err = w.Write(make([]byte, 64<<20))
	}
	if err != nil || archive.Close() != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// wrongSize is a request whose document promises larger pictures than it has.
func wrongSize(t *testing.T, whole []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		w, err := archive.Create(f.Name)
		if err == nil {
			_, err = w.Write(bytes.Replace(body, []byte(`"height":128`), []byte(`"height":4096`), 1))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestNoMoreThan512RequestsAreRead(t *testing.T) {
	s := newScene(t)
	for i := range 511 {
		s.write(fileName(s.job.Decided, i), nil)
	}
	in := s.put(s.apart(0, 0.1, s.job.Decided.Add(-time.Minute)))
	s.put(s.apart(1, 0.9, s.job.Decided.Add(-2*time.Minute)))
	_, report, _, pages := s.made()
	_, page := s.only(pages)
	if got := inOrder(page); len(got) != 1 || got[0] != in {
		t.Errorf("shown: %q", got)
	}
	wants(t, report, "Of 513 captured requests in "+shownPlace+" the newest 512 were looked at")
}

func TestAPlaceThatCannotBeReadOrWrittenIsANoteInTheReport(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(s *scene)
		want  string
	}{
		"no such folder": {func(s *scene) { s.job.Capture.URI += "/gone" }, "could not be read"},
		"no place":       {func(s *scene) { s.job.Capture.URI = "ftp://shop" }, "could not be read"},
		"a bucket that is not there": {func(s *scene) {
			s.Setenv(task.EnvCapture+"AWS_ACCESS_KEY_ID", "id")
			s.Setenv(task.EnvCapture+"AWS_SECRET_ACCESS_KEY", "secret")
			s.job.Capture.URI = "s3://shop/storefront?endpoint=http://127.0.0.1:1&region=r&s3ForcePathStyle=true"
		}, "could not be read"},
		"a page that cannot be written": {func(s *scene) {
			name := s.requests[5].TakenAt.UTC().Format("20060102T150405.000Z-") + strings.TrimPrefix(s.job.Key, "sha256:")[:16] + ".html"
			if err := os.MkdirAll(filepath.Join(s.dir, name, "in the way"), 0o700); err != nil {
				s.Fatal(err)
			}
		}, "The page of captured requests could not be left in"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.putAll()
			c.spoil(s)
			e := Run(t.Context(), Options{Task: s.job, Now: s.now, Log: io.Discard})
			page, err := s.store.ReadDocument(t.Context(), task.JudgementFolder(s.job.Key)+"report.html", 16<<20)
			if err != nil || e.Verdict != report.Passed {
				t.Fatalf("%+v: %v", e, err)
			}
			wants(t, string(page), c.want, shownPlace, "tops-v2 judged against tops-v1")
		})
	}
}

func TestThePageOfCapturedRequestsNeedsNothingElseAndNoNameGetsOutOfItsPlace(t *testing.T) {
	s := newScene(t)
	evil := `"><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>`
	s.job.Deployment, s.job.Namespace, s.job.Outcome, s.job.Rule, s.job.Reason, s.job.Capture.Shown = evil, evil, evil, evil, evil, evil
	s.job.Candidate.Name = evil
	s.requests[0].Version, s.requests[0].Compared.Version = evil, evil
	s.putAll()
	_, _, _, pages := s.made()
	_, page := s.only(pages)
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
	wants(t, page, "default-src 'none'", "&lt;script&gt;", "</html>")
}

func TestAPlaceThatBreaksWhileItIsReadGivesThePageWhatWasRead(t *testing.T) {
	for name, c := range map[string]struct {
		refused      func(n int) bool
		shown        int
		page, report string
	}{
		"one is refused":  {func(n int) bool { return n == 2 }, 11, "1 captured request in " + shownPlace + " could not be read, and 0 older ones were not tried", "11 captured requests of shoppers are shown"},
		"all but two are": {func(n int) bool { return n > 2 }, 2, "8 captured requests in " + shownPlace + " could not be read, and 2 older ones were not tried", "2 captured requests of shoppers are shown"},
		"all are":         {func(int) bool { return true }, 0, "", "could not be read, so none of a shopper is shown anywhere"},
	} {
		t.Run(name, func(t *testing.T) {
			server := s3test.Start(t)
			t.Setenv(task.EnvCapture+"AWS_ACCESS_KEY_ID", server.AccessKey)
			t.Setenv(task.EnvCapture+"AWS_SECRET_ACCESS_KEY", server.SecretKey)
			s := newSceneAt(t, server.URI("storefront"))
			s.dir = filepath.Join(server.Folder, "storefront")
			for i := range 12 {
				s.put(s.apart(i, 0.1, s.job.Decided.Add(-time.Duration(i)*time.Minute)))
			}
			pass, reads := runtimetest.Proxy(t, server.Endpoint), atomic.Int32{}
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".zip") {
					if c.refused(int(reads.Add(1))) {
						w.WriteHeader(http.StatusForbidden)
						return
					}
				}
				pass.ServeHTTP(w, r)
			}))
			defer proxy.Close()
			server.Endpoint = proxy.URL
			s.job.Capture.URI = server.URI("storefront")
			_, report, d, pages := s.made()
			if d.Captured.Shown != c.shown {
				t.Errorf("%+v", d.Captured)
			}
			wants(t, report, c.report)
			if c.shown == 0 {
				return
			}
			_, page := s.only(pages)
			wants(t, page, c.page)
		})
	}
}

func TestABucketOfCapturedRequestsGetsItsPageAndTheStoreDoesNot(t *testing.T) {
	server := s3test.Start(t)
	t.Setenv(task.EnvCapture+"AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv(task.EnvCapture+"AWS_SECRET_ACCESS_KEY", server.SecretKey)
	s := newSceneAt(t, server.URI("shop/storefront"))
	s.dir = filepath.Join(server.Folder, "shop/storefront")
	s.putAll()
	_, _, d, pages := s.made()
	if name, page := s.only(pages); name != d.Captured.Page || len(inOrder(page)) != 6 {
		t.Errorf("%s; %+v", name, d.Captured)
	}
	err := filepath.WalkDir(strings.TrimPrefix(s.job.Store, "file://"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if bytes.Contains(body, []byte("data:image")) {
			t.Errorf("%s in the store has a picture", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
