package judgement

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/task"
)

const (
	shopHeight, shopWidth = 128, 96
	shownPlace            = "claim shoppers, folder storefront"
)

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
